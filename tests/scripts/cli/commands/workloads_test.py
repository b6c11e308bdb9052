"""What the commands about workloads print for people."""

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from modules.core.errors import UserError
from modules.core.releases import Pin
from scripts.cli import running
from scripts.cli.delivery import canary_session, rank, release, reproduce, rollback, train
from scripts.cli.delivery.canary import CanaryOptions
from scripts.cli.delivery.canary_metrics import Limits
from scripts.cli.main import app
from tests.scripts.cli.fakes import DIGEST, always, quiet, stack

PIN = Pin(release=2, model_name="iris", model_version=4, model_uri="s3://b/k", model_digest=DIGEST, run="r")
PREVIOUS = PIN.model_copy(update={"release": 1, "model_version": 3})


def served(*, changed: bool, previous: Pin | None = None, address: str | None = None) -> release.Outcome:
    return release.Outcome(workload="iris", changed=changed, pin=PIN, previous=previous, address=address)


@pytest.fixture(autouse=True)
def unwatched(monkeypatch: pytest.MonkeyPatch) -> None:
    stack(monkeypatch)

    def follow(_stack: str, _title: str, _command: list[str], work: Any) -> Any:
        return work(quiet, Path("log"))

    monkeypatch.setattr(running, "follow", follow)


def printed(*arguments: str) -> str:
    done = CliRunner().invoke(app, list(arguments))
    assert done.exit_code == 0, done.output
    return done.stdout


def test_a_training_shows_its_candidates_and_which_one_was_selected(monkeypatch: pytest.MonkeyPatch) -> None:
    candidates = [
        train.Candidate(name="Forest", run="run-of-forest", metrics={"accuracy": 0.97777}, selected=True),
        train.Candidate(name="Boosting", run="run-of-boosting", metrics={"log_loss": 0.2}, selected=False),
    ]
    verdict = "version 4 becomes champion: accuracy 0.9778, version 3 has 0.9556 on the same held-out rows"
    result = train.Training(
        job="iris-train-1",
        run="parent",
        fresh=True,
        model="iris",
        model_version=4,
        verdict=verdict,
        format="skops",
        candidates=candidates,
    )
    monkeypatch.setattr(train, "train", always(result))
    text = printed("train", "iris")
    assert "iris-train-1: trained; iris version 4; run parent" in text
    assert verdict in " ".join(text.split())  # whatever the width of the table
    assert "it has no ONNX form: it is served from skops" in " ".join(text.split())
    assert "Forest (selected)" in text
    assert "0.9778" in text
    assert "run-of-boosting" in text


def test_a_release_shows_what_serves_and_what_served_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        release, "release", always(served(changed=True, previous=PREVIOUS, address="http://127.0.0.1:1"))
    )
    text = printed("release", "iris", "--model-version", "4")
    assert "2 of iris: serves" in text
    assert "iris version 4" in text
    assert "release 1, version 3" in text
    assert "http://127.0.0.1:1" in text


def test_a_rollback_of_what_is_not_published_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollback, "rollback", always(served(changed=True)))
    text = printed("rollback", "iris")
    assert "inside the cluster only" in text
    assert "nothing" in text


def test_releasing_what_serves_says_that_nothing_was_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(release, "release", always(served(changed=False, previous=PIN)))
    assert "serves already: nothing to do" in printed("release", "iris")


def test_a_repetition_shows_each_metric_to_the_last_digit(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = reproduce.Comparison(
        candidate="Forest", metric="log_loss", recorded=0.05440805209645018, reproduced=0.05440805209645018
    )
    result = reproduce.Reproduction(
        run="t1", reproduced_by="t2", image_digest="", data_digest="", seed="7", comparisons=[compared]
    )
    monkeypatch.setattr(reproduce, "reproduce", always(result))
    text = printed("reproduce", "t1")
    assert text.count("0.05440805209645018") == 2
    assert "the same metrics" in text


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([], (CanaryOptions(), False, False)),
        (["--once", "--json"], (CanaryOptions(), True, True)),
        (
            ["--weight", "5", "--min-duration", "30", "--requests", "40", "--timeout", "9"],
            (CanaryOptions(weight=5, min_duration=30, limits=Limits(min_requests=40), timeout=9), False, False),
        ),
    ],
)
def test_a_canary_is_tried_as_the_options_say(
    given: list[str], expected: tuple[CanaryOptions, bool, bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[CanaryOptions, bool, bool]] = []

    def run_session(_stack: str, _name: str, options: CanaryOptions, *, once: bool, as_json: bool) -> None:
        asked.append((options, once, as_json))

    monkeypatch.setattr(canary_session, "run_session", run_session)
    printed("canary", "iris", *given)
    assert asked == [expected]


def test_a_canary_of_a_workload_that_the_stack_does_not_run_is_refused() -> None:
    done = CliRunner().invoke(app, ["canary", "roses"])
    assert isinstance(done.exception, UserError)
    assert "roses" in str(done.exception)


def test_a_release_is_of_a_version_or_of_a_rank_and_not_of_both() -> None:
    done = CliRunner().invoke(app, ["release", "iris", "--model-version", "4", "--rank", "1"])
    assert isinstance(done.exception, UserError)
    assert "mutually exclusive" in str(done.exception)


def test_a_rank_is_looked_for_within_the_step_and_resumed_as_it_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    commands: list[list[str]] = []

    def follow(_stack: str, _title: str, command: list[str], work: Any) -> Any:
        commands.append(command)
        return work(quiet, Path("log"))

    asked: list[object] = []

    def run(_stack: str, _name: str, number: int, *_: object) -> release.Outcome:
        asked.append(number)
        return served(changed=True)

    monkeypatch.setattr(running, "follow", follow)
    monkeypatch.setattr(rank, "version_of", always(9))
    monkeypatch.setattr(release, "release", run)
    printed("release", "iris", "--rank", "2")
    assert asked == [9]
    assert commands == [["release", "iris", "--rank", "2"]]


def test_the_list_of_commands_cuts_no_sentence_off() -> None:
    for group in ([], ["pipeline"], ["images"]):
        text = printed(*group, "--help")
        assert "..." not in text.partition("Commands:")[2]
