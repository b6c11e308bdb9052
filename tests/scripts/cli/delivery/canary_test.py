"""Canaries of a workload, on a platform that only counts."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from modules.core.releases import Canary, Rejection, Release, read_releases, write_releases
from scripts.cli.delivery import canary, canary_session, jobs
from scripts.cli.delivery.canary import CanaryController, CanaryOptions, CanaryResult
from scripts.cli.delivery.canary_metrics import Limits
from scripts.cli.delivery.release import place_of
from scripts.cli.environment import Environment
from tests.scripts.cli.delivery.canary_platform import (
    ROWS,
    SERVED,
    Platform,
    canary_platform,
    controller,
    pin,
    pinned,
    tried,
)
from tests.scripts.cli.fakes import (
    DIGEST,
    SERVING_DIGEST,
    always,
    refused,
    settings,
    stack,
)
from workloads.signing import SIGNATURE


@pytest.fixture
def platform(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Platform:
    return canary_platform(monkeypatch, tmp_path)


def test_what_is_not_worse_is_promoted_and_the_canary_goes_last(platform: Platform) -> None:
    found = tried(platform)
    assert (found.result, found.version, found.serves, found.cause) == ("promoted", 2, 2, None)
    assert found.found_seconds >= 20
    # A share, then none with the new version in place, then no canary.
    assert [platform.applied[0], *platform.applied[-2:]] == [(1, 10), (2, 0), (2, None)]
    assert (pinned().model_version, pinned().canary) == (2, None)
    assert [previous.model_version for previous in pinned().history] == [1]


def failing(platform: Platform) -> None:
    platform.canary_code = "5xx"


def inaccurate(platform: Platform) -> None:
    platform.labels["iris-canary"] = ["setosa", "setosa"]


@pytest.mark.parametrize(("make", "cause"), [(failing, "errors: "), (inaccurate, "accuracy: ")])
def test_what_is_worse_is_taken_back_and_remembered(
    make: Callable[[Platform], None], cause: str, platform: Platform
) -> None:
    make(platform)
    found = tried(platform)
    assert (found.result, found.serves) == ("restored", 1)
    assert (found.cause or "").startswith(cause)
    assert [platform.applied[0], *platform.applied[-2:]] == [(1, 10), (1, 0), (1, None)]
    (rejection,) = pinned().rejected
    assert rejection == Rejection(
        model_version=2, model_digest=DIGEST, serving_image=SERVING_DIGEST, cause=found.cause or ""
    )
    assert pinned().pin == SERVED.pin
    assert controller(platform).try_next() is None


def test_what_does_not_fit_the_image_gets_no_request(platform: Platform) -> None:
    platform.problem = "it does not load"
    assert tried(platform).cause == "check: it does not load"
    assert platform.applied == []
    assert pinned().rejected[0].model_version == 2


def test_what_does_not_start_is_taken_back(platform: Platform) -> None:
    platform.failure = "it did not become ready"
    found = tried(platform)
    assert (found.result, found.cause) == ("restored", "start: it did not become ready")
    assert pinned().canary is None


def test_what_served_before_is_not_tried_again_when_a_person_went_back_to_another(platform: Platform) -> None:
    write_releases("local", {"iris": Release(**pin(3).model_dump(), history=(pin(1), pin(2)))})
    assert controller(platform).try_next() is None
    write_releases("local", {"iris": SERVED.rejecting(pin(2), "rolled back")})
    assert controller(platform).try_next() is None
    assert platform.applied == []


@pytest.mark.parametrize("released", [True, False])
@pytest.mark.parametrize(
    "tags",
    [{SIGNATURE: ""}, {SIGNATURE: "?"}, {"groundwork.digest": "no digest"}, {"groundwork.uri": "s3://b/theirs"}],
)
def test_a_champion_that_no_training_signed_is_passed_over_with_the_reason(
    tags: dict[str, str], released: bool, platform: Platform
) -> None:
    platform.tags = tags
    if not released:
        write_releases("local", {})
    output: list[str] = []
    place = place_of("local", "iris", output.append, Path("log"))
    assert CanaryController(place, CanaryOptions()).try_next() is None
    assert [line for line in output if "the champion is passed over: model 'iris' version 2 is refused: it" in line]
    assert platform.applied == []
    assert read_releases("local") == ({"iris": SERVED} if released else {})


def test_what_a_person_releases_meanwhile_stays_and_the_canary_ends(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_hand = Release(**pin(4).model_dump(), history=(pin(1),))

    def release_by_hand(seconds: float) -> None:
        platform.pause(seconds)
        platform.champion = 4
        write_releases("local", {"iris": by_hand})

    started = controller(platform)
    monkeypatch.setattr(started, "pause", release_by_hand)
    assert started.try_next() is None
    assert pinned() == by_hand
    assert platform.applied == [(1, 10)]


def test_what_a_person_releases_while_a_version_is_checked_stays(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_hand = Release(**pin(4).model_dump(), history=(pin(1),))

    def check_while_a_person_releases(*_: object) -> None:
        platform.champion = 4
        write_releases("local", {"iris": by_hand})

    monkeypatch.setattr(canary, "check", check_while_a_person_releases)
    assert controller(platform).try_next() is None
    assert pinned() == by_hand
    assert platform.applied == []


def test_an_interrupted_canary_goes_on(platform: Platform) -> None:
    write_releases("local", {"iris": SERVED.model_copy(update={"canary": Canary(pin=pin(2), weight=10)})})
    platform.champion = 3  # newer, but first what was begun
    assert tried(platform).version == 2
    assert tried(platform).version == 3


@pytest.mark.parametrize(("rolled_out", "applied"), [(True, []), (False, [(1, None)])])
def test_what_was_pinned_and_not_rolled_out_is_and_nothing_else(
    rolled_out: bool, applied: list[tuple[int, None]], platform: Platform
) -> None:
    platform.champion, platform.rolled_out = 1, rolled_out
    assert controller(platform).try_next() is None
    assert platform.applied == applied


@pytest.mark.parametrize("lacks", ["signature", "serving_image"])
def test_what_was_released_before_trainings_signed_or_releases_pinned_an_image_is_left_to_up(
    lacks: str, platform: Platform
) -> None:
    platform.champion, platform.rolled_out = 1, False
    write_releases("local", {"iris": SERVED.model_copy(update={lacks: ""})})
    assert controller(platform).try_next() is None
    assert platform.applied == []


def test_an_interrupted_end_is_ended(platform: Platform) -> None:
    platform.champion = 1
    write_releases("local", {"iris": SERVED.model_copy(update={"canary": Canary(pin=pin(2), weight=0)})})
    assert controller(platform).try_next() is None
    assert platform.applied == [(1, 0), (1, None)]


def test_without_enough_requests_the_time_limit_leaves_the_canary(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "asked", {"iris": 0, "iris-canary": 0})
    started = controller(platform, timeout=30)
    monkeypatch.setattr(
        started, "options", CanaryOptions(weight=10, min_duration=20, limits=Limits(min_requests=10**6), timeout=30)
    )
    message = refused(started.try_next)
    assert "of 1000000 requests" in message
    assert "run the same command again to go on" in message
    tried = pinned().canary
    assert tried is not None
    assert (tried.pin.model_version, tried.weight) == (2, 10)


@pytest.mark.parametrize(
    ("split", "cause"),
    [
        (jobs.Ended(log="", failure="Job local-iris-training/x failed: another digest"), "another digest"),
        (jobs.Ended(log=ROWS.replace("virginica", "tulip"), failure=None), "column 'species': 'tulip', allowed is one"),
    ],
)
@pytest.mark.parametrize("begun", [False, True])
def test_a_version_that_nothing_can_be_measured_by_is_rejected_with_the_reason(
    begun: bool, split: jobs.Ended, cause: str, platform: Platform
) -> None:
    if begun:
        write_releases("local", {"iris": SERVED.model_copy(update={"canary": Canary(pin=pin(2), weight=10)})})
    platform.split = split
    found = tried(platform)
    assert (found.result, found.serves) == ("restored", 1)
    assert (found.cause or "").startswith("held-out rows: ")
    assert cause in (found.cause or "")
    assert (pinned().rejected[0].model_version, pinned().canary) == (2, None)
    assert platform.applied == ([(1, 0), (1, None)] if begun else [])


def test_a_training_document_that_was_changed_in_the_registry_splits_nothing(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a canary that had begun: a version that is changed before is passed over."""
    write_releases("local", {"iris": SERVED.model_copy(update={"canary": Canary(pin=pin(2), weight=10)})})
    platform.tags = {"groundwork.config": '{"seed": 1}'}
    monkeypatch.setattr(jobs, "run", always(jobs.Ended(log=ROWS, failure=None)))
    assert "has a tag groundwork.config of the digest sha256:" in (tried(platform).cause or "")


def test_a_log_that_can_not_be_read_rejects_nothing(platform: Platform) -> None:
    platform.split = jobs.Ended(log="", failure=None)
    assert "could not be read: run the same command again" in refused(controller(platform).try_next)
    assert pinned() == SERVED


def test_a_workload_is_watched_once_at_a_time(
    platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    home = Environment("local").home
    home.mkdir(parents=True)
    platform.champion = 1
    canary_session.run_session("local", "iris", CanaryOptions(), once=True, as_json=False)
    holder = (
        "import fcntl, sys; f = open(sys.argv[1], 'r+'); fcntl.lockf(f, fcntl.LOCK_EX); print(1, flush=True); input()"
    )
    command = [sys.executable, "-c", holder, str(home / "watch-iris.lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        message = refused(
            lambda: canary_session.run_session("local", "iris", CanaryOptions(), once=True, as_json=False)
        )
        other.kill()
    assert "is watched already: see `groundwork status`" in message
    assert "groundwork:workloads.iris.watch" in message


@pytest.mark.parametrize(
    ("watch", "output"),
    [(True, "is watched beside the cluster: nothing to do"), (False, "version 2 is not decided on")],
)
def test_a_build_server_leaves_alone_what_is_watched_and_is_not_red_for_want_of_requests(
    watch: bool, output: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stack(monkeypatch, settings(**{"groundwork:workloads": {"iris": {"watch": watch}}}))

    def inconclusive(*_: object, **__: object) -> None:
        raise canary_session.Inconclusive("version 2 is not decided on")

    monkeypatch.setattr(canary_session, "run_session", inconclusive)
    canary_session.rollout("local", "iris")
    assert output in capsys.readouterr().out


def test_a_controller_ends_by_itself_once_nothing_is_to_be_tried_or_at_its_timeout(platform: Platform) -> None:
    reported: list[CanaryResult] = []
    controller(platform).run(reported.append, once=True)
    assert [each.result for each in reported] == ["promoted"]
    controller(platform, timeout=25).run(reported.append, once=False)
    assert len(reported) == 1
