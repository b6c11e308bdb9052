import json
from typing import Any

import pytest
from typer.testing import CliRunner

from scripts.cli import running
from scripts.cli.clients.tracking import Run
from scripts.cli.delivery import jobs, reproduce
from scripts.cli.main import app
from tests.scripts.cli.fakes import TRUST, Answer, Kubectl, always, cron_job, mlflow, quiet, refused, signed, stack
from workloads.signing import SIGNATURE

TAGS = {
    "groundwork.role": "training",
    "groundwork.config": json.dumps({"workload": "iris"}),
    "groundwork.image_digest": "sha256:recorded",
    "groundwork.code_revision": "c0ffee",
    "groundwork.lock_digest": "sha256:lock",
    "groundwork.data_address": "s3://raw/iris.csv",
    "groundwork.data_digest": "sha256:data",
    "groundwork.seed": "7",
}
SHARED = {key: TAGS[key] for key in ("groundwork.config", "groundwork.image_digest", "groundwork.data_digest")}
SIGNED = {"mlflow.parentRunId": "t1", **signed("c1", {**SHARED, "groundwork.uri": "s3://b/1"})}
"""Of a classifier, whose training signed it."""
NAMES = ("TRAINING", "IMAGE", "JOB", "REVISION", "UV_LOCK", "REPRODUCES")


def run(run_id: str, *, tags: dict[str, str] | None = None, status: str = "FINISHED", accuracy: float = 0.9) -> Any:
    return {
        "info": {"run_id": run_id, "experiment_id": "1", "run_name": run_id[0], "status": status},
        "data": {
            "tags": [{"key": key, "value": value} for key, value in (tags or {}).items()],
            "metrics": [{"key": "accuracy", "value": accuracy}],
        },
    }


class Server:
    """One training with one classifier, and its repetition."""

    def __init__(self) -> None:
        self.runs = {
            "t1": run("t1", tags=TAGS),
            "c1": run("c1", tags=SIGNED),
            "t2": run("t2", tags=TAGS),
            "c2": run("c2"),
        }

    def answer(self, path: str, query: dict[str, Any]) -> Answer | None:
        if path == "runs/get":
            found = self.runs.get(query["run_id"])
            return (200, {"run": found}) if found else None
        if path == "experiments/get-by-name":
            known = query["experiment_name"] == "iris"
            return (200, {"experiment": {"experiment_id": "1"}}) if known else None
        wanted = query["filter"]
        for parent, child in (("t1", "c1"), ("t2", "c2")):
            if f"parentRunId` = '{parent}'" in wanted:
                return 200, {"runs": [self.runs[child]]}
        return 200, {"runs": [self.runs["t2" if "reproduces" in wanted else "t1"]]}


def held(_: object, image: str) -> str:
    """The registry has it where it is looked for first."""
    return image


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    stack(monkeypatch)
    server = Server()
    mlflow(monkeypatch, server.answer)
    kubectl = Kubectl(monkeypatch)
    kubectl.objects["cronjob", "iris-check"] = cron_job(TRUST)
    kubectl.objects["cronjob", "iris-train"] = cron_job({f"GROUNDWORK_{name}": "" for name in NAMES}, "r/t@sha256:now")
    monkeypatch.setattr(jobs, "run", always(jobs.Ended(log="", failure=None)))
    monkeypatch.setattr(reproduce, "held_image", held)
    return server


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("given", ["t1", "c1"])
def test_a_run_is_trained_again_from_what_it_recorded(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    started: list[dict[str, Any]] = []

    def start(_: object, job: dict[str, Any], __: object) -> jobs.Ended:
        started.append(job)
        return jobs.Ended(log="", failure=None)

    monkeypatch.setattr(jobs, "run", start)
    result = reproduce.reproduce("local", given, quiet)
    assert result.same
    assert (result.run, result.reproduced_by) == ("t1", "t2")
    container = started[0]["spec"]["template"]["spec"]["containers"][0]
    variables = {each["name"].removeprefix("GROUNDWORK_"): each["value"] for each in container["env"]}
    name = started[0]["metadata"]["name"]
    assert name.startswith("iris-reproduce-")
    assert container["image"] == "r/t@sha256:recorded"
    assert variables == {
        "TRAINING": TAGS["groundwork.config"],
        "IMAGE": "r/t@sha256:recorded",
        "JOB": name,
        "REVISION": "c0ffee",
        "UV_LOCK": "sha256:lock",
        "REPRODUCES": "t1",
    }


def test_the_version_of_a_table_that_was_trained_on_is_reported(server: Server) -> None:
    assert reproduce.reproduce("local", "t1", quiet).data_version is None
    server.runs["t1"] = run("t1", tags={**TAGS, "groundwork.data_version": "4"})
    assert reproduce.reproduce("local", "t1", quiet).data_version == "4"


def test_metrics_that_differ_in_the_last_bit_are_different(server: Server) -> None:
    server.runs["c2"] = run("c2", accuracy=0.9000000000000001)
    result = reproduce.reproduce("local", "t1", quiet)
    assert not result.same
    assert [(each.recorded, each.reproduced) for each in result.comparisons] == [(0.9, 0.9000000000000001)]


@pytest.mark.usefixtures("server")
def test_a_failed_repetition_shows_its_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "run", always(jobs.Ended(log="", failure="it failed")))
    assert refused(lambda: reproduce.reproduce("local", "t1", quiet)) == "it failed"


@pytest.mark.usefixtures("server")
def test_an_unknown_run_lists_recent_ones() -> None:
    message = refused(lambda: reproduce.reproduce("local", "zz", quiet))
    assert message == "no run 'zz' in MLflow at https://localhost:8443/mlflow; recent trainings: t1"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (run("t1", tags={**TAGS, "groundwork.role": "candidate"}), "was not made by `groundwork train`"),
        (run("t1"), "was not made by `groundwork train`"),
        (run("t1", tags={**TAGS} | {"groundwork.seed": "7"}, status="FAILED"), "run t1 is FAILED, not FINISHED"),
        (
            run("t1", tags={key: value for key, value in TAGS.items() if "seed" not in key}),
            "run t1 does not record its seed",
        ),
    ],
)
def test_a_run_that_can_not_be_trained_again_says_why(server: Server, changed: Any, message: str) -> None:
    server.runs["t1"] = changed
    assert message in refused(lambda: reproduce.reproduce("local", "t1", quiet))


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({SIGNATURE: ""}, "model 'iris' of run c1 is refused: it is not signed"),
        ({SIGNATURE: "?"}, "model 'iris' of run c1 is refused: its signature is not the training's"),
        ({"groundwork.image_digest": "sha256:0"}, "run t1 has no model of the image, data and configuration"),
    ],
)
def test_a_run_that_no_training_signed_is_not_trained_again_beside_the_key(
    server: Server, monkeypatch: pytest.MonkeyPatch, changed: dict[str, str], why: str
) -> None:
    def start(*_: object) -> None:
        pytest.fail("it was started")

    monkeypatch.setattr(jobs, "run", start)
    server.runs["c1"] = run("c1", tags={**SIGNED, **changed})
    assert why in refused(lambda: reproduce.reproduce("local", "t1", quiet))


def test_a_metric_or_a_candidate_that_one_side_lacks_is_a_difference() -> None:
    def made(name: str, **metrics: float) -> Run:
        return Run(id="r", experiment_id="1", name=name, status="FINISHED", tags={}, metrics=metrics)

    found = reproduce.compare([made("a", x=1, y=2), made("b", x=1)], [made("a", x=1)])
    assert [(each.candidate, each.metric, each.reproduced, each.same) for each in found] == [
        ("a", "x", 1, True),
        ("a", "y", None, False),
        ("b", "x", None, False),
    ]


def test_nothing_to_compare_is_not_the_same() -> None:
    empty = reproduce.Reproduction(run="a", reproduced_by="b", image_digest="", data_digest="", seed="", comparisons=[])
    assert not empty.same


@pytest.mark.parametrize(("recorded", "code"), [(0.9, 0), (0.8, 1)])
def test_the_command_exits_with_1_on_a_difference(
    server: Server, monkeypatch: pytest.MonkeyPatch, recorded: float, code: int
) -> None:
    server.runs["c1"] = run("c1", tags=SIGNED, accuracy=recorded)
    monkeypatch.setattr(
        running,
        "follow",
        lambda _stack, _title, _command, work: work(quiet, None),  # pyright: ignore
    )
    done = CliRunner().invoke(app, ["reproduce", "t1", "--json"])
    assert done.exit_code == code
    document = json.loads(done.stdout)
    assert document["same"] is (code == 0)
    assert document["comparisons"][0]["metric"] == "accuracy"


@pytest.mark.parametrize("command", ["train", "release", "rollback", "reproduce"])
def test_the_help_of_every_command_gives_an_example(command: str) -> None:
    done = CliRunner().invoke(app, [command, "--help"])
    assert done.exit_code == 0
    assert f"groundwork {command} " in done.stdout.partition("Example")[2]
