"""A stack on AWS, on an account that is emulated on this machine: from nothing to a model that answers, and back."""

import json
import os
import signal
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
import yaml

from scripts.cli.clients.gateway import client, service_address
from scripts.cli.environment import Environment
from scripts.cli.lifecycle.up import STACKS, settings_file
from workloads import catalog, lake
from workloads.columns import Column
from workloads.documents import columns_document

from .conftest import Traces, run

pytestmark = pytest.mark.heavy  # a second environment
EMULATED = "emulated"
NETWORK = "10.89.0.0/16"
UP = ("scripts/up", EMULATED, "--emulated")


@pytest.fixture(scope="module")
def account() -> Iterator[Environment]:
    """The platform of the example, with a workload on a table, brought up from nothing. After it nothing of it is
    left."""
    before = Traces.now(EMULATED)
    example: dict[str, Any] = yaml.safe_load((STACKS / "aws-dev.example.yaml").read_text())
    example["config"]["groundwork:foundation"]["network"] = {"range": NETWORK}
    example["config"]["groundwork:workloads"]["screening"] = {}
    settings_file(EMULATED).write_text(yaml.safe_dump(example))
    environment = Environment(EMULATED)
    try:
        run(*UP)
        yield environment
        run("scripts/down", EMULATED, "--yes")
        assert not environment.account.exists()
        assert Traces.now(EMULATED) == before
    finally:
        run("scripts/down", EMULATED, "--yes", check=False)
        settings_file(EMULATED).unlink(missing_ok=True)


def test_one_up_trains_releases_and_serves_a_model(account: Environment) -> None:
    with client(account, f"{service_address(account, 'iris')}/") as asked:
        answer = asked.post("predict", json=catalog.load("iris").serving.example).raise_for_status().json()
    assert answer["model_version"] == "1"


def test_a_training_on_a_table_of_the_catalog_is_reproduced_after_that_grew(
    account: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = json.loads(run(".venv/bin/groundwork", "train", "screening", "--stack", EMULATED, "--json").stdout)
    assert trained["fresh"] is False  # in a pod, by its role, in the one `up`
    for name, value in account.variables().items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    table = f"glue://groundwork_{EMULATED}_features/screening"
    before = lake.read(table)
    assert before.version == 0
    columns = [Column(**each) for each in columns_document(catalog.load("screening"))]
    row = before.content.splitlines(keepends=True)[1].replace(b"1", b"2", 1)
    assert lake.append(table, lake.fields_of(columns), row, "emulated_aws_test")
    assert lake.read(table).version == 1
    again = json.loads(run(".venv/bin/groundwork", "reproduce", trained["run"], "--stack", EMULATED, "--json").stdout)
    assert (again["same"], again["data_version"]) == (True, "0")


def test_a_second_up_changes_nothing_and_says_that_the_account_is_emulated(account: Environment) -> None:
    done = run(*UP)
    assert "Repositories of images" in done.stderr
    assert "nothing is missing" in done.stderr
    assert " unchanged" in done.stderr
    assert " created" not in done.stderr
    assert "The account of AWS is emulated on this machine" in done.stdout
    assert run(".venv/bin/groundwork", "status", account.stack).returncode == 0
    refused = run("scripts/up", EMULATED, check=False)
    assert "its account of AWS is emulated on this machine" in refused.stderr


def test_a_preview_makes_no_repository_and_pushes_no_image(account: Environment) -> None:
    done = run("scripts/pipeline", "preview", account.stack)
    assert f"### Preview of `{account.stack}`" in done.stdout
    assert "Repositories of images" not in done.stderr


def test_what_the_account_has_of_the_stack_is_listed_without_any_variable_of_a_person(account: Environment) -> None:
    done = run(".venv/bin/groundwork", "leftovers", account.stack, "--json", "--timeout", "0", check=False)
    assert done.returncode == 1
    found = json.loads(done.stdout)
    assert found["unread"] == []
    assert {"cluster", "database", "repository"} <= {each["kind"] for each in found["left"]}


def test_an_account_that_was_killed_is_made_anew_with_all_that_was_in_it(account: Environment) -> None:
    killed = account.account_server.pid
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    ended = run(".venv/bin/groundwork", "status", account.stack, check=False)
    assert "its emulated account has ended, with all that was in it" in ended.stderr
    run(*UP)
    assert account.account_server.pid not in {None, killed}
    assert run(".venv/bin/groundwork", "status", account.stack).returncode == 0
