import json
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path

import pytest

from embedded.cluster.layout import Layout
from modules.core.contracts import Registry
from scripts.cli import environment
from scripts.cli.clients import registry
from scripts.cli.clients.registry import held_image, own_access, registry_of
from stacks.foundation.embedded import describe_registry
from tests.scripts.cli.fakes import always, refused, stack

DIGEST = f"sha256:{1:064x}"
IMAGE = f"10.80.0.1:5000/local/training@{DIGEST}"


def test_commands_and_program_agree_where_the_images_of_a_stack_are(monkeypatch: pytest.MonkeyPatch) -> None:
    found = stack(monkeypatch)
    assert registry_of(found) == describe_registry("local", found.settings.embedded.network)
    assert registry_of(found).push == "10.80.0.1:5000/local"


def test_this_machine_logs_in_with_the_login_that_the_cluster_made(tmp_path: Path) -> None:
    file = Layout(tmp_path).registry_login
    file.write_text(json.dumps({"auths": {"10.80.0.1:5000": {"auth": "Z3JvdW5kd29yazpzZWNyZXQ="}}}))
    access = own_access(Layout(tmp_path), "10.80.0.1:5000/local")
    assert access.own
    assert access.login is not None
    assert (access.login.username, access.login.password) == ("groundwork", "secret")


def test_a_cluster_that_still_runs_without_logins_is_asked_without_one(tmp_path: Path) -> None:
    assert own_access(Layout(tmp_path), "10.80.0.1:5000/local").login is None


def holding(monkeypatch: pytest.MonkeyPatch, *paths: str) -> None:
    """The registry has the image below these paths."""

    class Held:
        def __init__(self, asked: Registry, *_: object) -> None:
            self.push = asked.push

        def find(self, references: Mapping[str, str]) -> Mapping[str, str]:
            assert references == {"training": DIGEST}
            return references if self.push in paths else {}

    def opened(*arguments: object) -> "nullcontext[Held]":
        return nullcontext(Held(*arguments))  # pyright: ignore[reportArgumentType] # what the code under test gives

    monkeypatch.setattr(registry, "Remote", opened)


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(environment, "data_home", always(tmp_path))


@pytest.mark.usefixtures("home")
def test_an_image_of_a_run_is_found_where_it_is_now_or_was_before_stacks_had_paths(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    holding(monkeypatch, "10.80.0.1:5000/local", "10.80.0.1:5000/groundwork")
    assert held_image(stack(monkeypatch), IMAGE) == IMAGE
    holding(monkeypatch, "10.80.0.1:5000/groundwork")
    assert held_image(stack(monkeypatch), IMAGE) == IMAGE.replace("/local/", "/groundwork/")


@pytest.mark.usefixtures("home")
def test_an_image_of_a_run_that_is_gone_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    holding(monkeypatch)
    assert refused(lambda: held_image(stack(monkeypatch), IMAGE)) == (
        f"image {IMAGE}: the run was trained in it, and the registry has it no more: it can't be run again"
    )
