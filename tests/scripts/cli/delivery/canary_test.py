"""Canaries of a workload, on a platform that only counts."""

import subprocess
import sys
from collections.abc import Callable
from json import dumps
from pathlib import Path
from typing import Any

import pytest

from modules.core import releases
from modules.core.errors import UserError
from modules.core.releases import Canary, Pin, Rejection, Release, read_releases, write_releases
from scripts.cli.clients import engine, forward, pins
from scripts.cli.delivery import canary, canary_session, jobs
from scripts.cli.delivery.canary import CanaryController, CanaryOptions, CanaryResult
from scripts.cli.delivery.canary_metrics import Limits
from scripts.cli.delivery.release import place_of
from scripts.cli.environment import Environment
from tests.scripts.cli.fakes import (
    DIGEST,
    EARLIER_DIGEST,
    SERVING_DIGEST,
    TRAINING_DIGEST,
    TRUST,
    Answer,
    Kubectl,
    always,
    cron_job,
    mlflow,
    quiet,
    refused,
    settings,
    stack,
    version,
)
from workloads.artifacts import digest_of
from workloads.signing import SIGNATURE

ROWS = "sepal_length,sepal_width,petal_length,petal_width,species\n5,3,1,0.2,setosa\n6,3,5,2,virginica\n"
GOOD = ["setosa", "virginica"]


def pin(number: int) -> Pin:
    return Pin(
        release=number,
        model_name="iris",
        model_version=number,
        model_uri=f"s3://b/{number}",
        model_digest=DIGEST,
        run=f"run-{number}",
        image_digest=TRAINING_DIGEST,
        config_digest=digest_of(b"{}"),
        signature="signature",
        serving_image=SERVING_DIGEST,
    )


SERVED = Release(**pin(1).model_dump())


class Platform:
    """Each look at the metrics finds more requests; a canary of weight 0 gets none."""

    def __init__(self) -> None:
        self.now = 0.0
        self.champion = 2
        self.tags: dict[str, str] = {}
        """Of the champion, beside what its training gave it."""
        self.canary_code = "200"
        self.labels = {"iris": GOOD, "iris-canary": GOOD}
        self.asked = {"iris": 0, "iris-canary": 0}
        self.applied: list[tuple[int, int | None]] = []
        self.failure: str | None = None
        self.problem: str | None = None
        self.rolled_out = True
        self.split = jobs.Ended(log=f"stored the data set\n{ROWS}", failure=None)
        """What comes of splitting the data anew."""

    def mlflow(self, path: str, query: dict[str, Any]) -> Answer | None:
        if path == "model-versions/get":
            return 200, {"model_version": version(int(query["version"]), **self.tags)}
        if path == "registered-models/alias":
            return 200, {"model_version": version(self.champion, **self.tags)}
        return None

    def up(self, *_: object) -> None:
        current = read_releases("local")["iris"]
        self.applied.append((current.model_version, current.canary.weight if current.canary else None))
        if self.failure and current.canary and current.canary.weight:
            raise UserError(self.failure)

    def roll_out(self, _: object, __: object, after: Release, *, pinned: Release | None) -> None:
        pins.replace("local", "iris", pinned, after)
        self.up()

    def is_applied(self, *_: object) -> bool:
        return self.rolled_out

    def run_job(self, _: object, job: dict[str, Any], *__: object, **___: object) -> jobs.Ended:
        (container,) = job["spec"]["template"]["spec"]["containers"]
        assert container["env"] == [{"name": "GROUNDWORK_TRAINING", "value": "{}"}]
        assert container["image"].endswith(f"@{TRAINING_DIGEST}")
        return self.split

    def check(self, *_: object) -> None:
        if self.problem:
            raise UserError(self.problem)

    def ask(self, _: object, server: str, __: int, path: str, *, part: str | None = None, json: Any = None) -> str:
        if path == "/predict":
            assert (part, len(json["rows"])) == ("iris", 2)
            return dumps({"predictions": self.labels[server]})
        current = read_releases("local")["iris"]
        if current.canary and current.canary.weight:
            self.asked = {"iris": self.asked["iris"] + 90, "iris-canary": self.asked["iris-canary"] + 10}
        codes = {"iris": "200", "iris-canary": self.canary_code}
        return "".join(
            f'traefik_service_requests_total{{code="{codes[server]}",service="{server}@file"}} {count}\n'
            for server, count in self.asked.items()
        )

    def pause(self, seconds: float) -> None:
        self.now += max(seconds, 0.1)


@pytest.fixture
def platform(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Platform:
    made = Platform()
    stack(monkeypatch)
    kubectl = Kubectl(monkeypatch)
    kubectl.objects["cronjob", "iris-check"] = cron_job(TRUST)
    kubectl.objects["cronjob", "iris-held-out"] = cron_job({"GROUNDWORK_TRAINING": ""})
    mlflow(monkeypatch, made.mlflow)
    monkeypatch.setattr(releases, "release_file", always(tmp_path / "releases.local.yaml"))
    monkeypatch.setattr(engine, "up", made.up)
    monkeypatch.setattr(forward, "ask", made.ask)
    monkeypatch.setattr(canary, "roll_out", made.roll_out)
    monkeypatch.setattr(canary, "check", made.check)
    monkeypatch.setattr(canary, "serves", always(True))
    monkeypatch.setattr(canary, "is_applied", made.is_applied)
    monkeypatch.setattr(jobs, "run", made.run_job)
    write_releases("local", {"iris": SERVED})
    return made


def controller(platform: Platform, timeout: float | None = None) -> CanaryController:
    options = CanaryOptions(weight=10, min_duration=20, limits=Limits(min_requests=50), timeout=timeout)
    place = place_of("local", "iris", quiet, Path("log"))
    return CanaryController(place, options, pause=platform.pause, clock=lambda: platform.now)


def tried(platform: Platform) -> CanaryResult:
    found = controller(platform).try_next()
    assert found is not None
    return found


def pinned() -> Release:
    return read_releases("local")["iris"]


def test_what_is_not_worse_is_promoted_and_the_canary_goes_last(platform: Platform) -> None:
    found = tried(platform)
    assert (found.result, found.version, found.serves, found.cause) == ("promoted", 2, 2, None)
    assert found.found_seconds >= 20
    # A share, then none with the new version in place, then no canary.
    assert [platform.applied[0], *platform.applied[-2:]] == [(1, 10), (2, 0), (2, None)]
    assert (pinned().model_version, pinned().canary) == (2, None)
    assert [previous.model_version for previous in pinned().history] == [1]


def failing(platform: Platform) -> None:
    platform.canary_code = "500"


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


IN_EARLIER = SERVED.model_copy(update={"serving_image": EARLIER_DIGEST})


def test_the_version_that_serves_is_tried_in_a_new_serving_image_beside_the_one_it_has(platform: Platform) -> None:
    platform.champion = 1
    write_releases("local", {"iris": IN_EARLIER})
    found = tried(platform)
    assert (found.result, found.version, found.serving_image) == ("promoted", 1, SERVING_DIGEST)
    assert [platform.applied[0], *platform.applied[-2:]] == [(1, 10), (1, 0), (1, None)]
    assert (pinned().release, pinned().serving_image, pinned().canary) == (2, SERVING_DIGEST, None)
    assert [each.serving_image for each in pinned().history] == [EARLIER_DIGEST]
    assert controller(platform).try_next() is None


def test_a_new_serving_image_that_is_worse_is_taken_back_and_not_tried_again_but_the_next_one_is(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform.champion = 1
    platform.canary_code = "500"
    write_releases("local", {"iris": IN_EARLIER})
    assert (tried(platform).result, pinned().pin) == ("restored", IN_EARLIER.pin)
    assert controller(platform).try_next() is None
    next_one = "sha256:" + "3" * 64
    monkeypatch.setattr(canary, "deployed_image", always(next_one))
    platform.canary_code = "200"
    assert tried(platform).serving_image == next_one


@pytest.mark.parametrize(
    "release",
    [
        IN_EARLIER.rejecting(pin(1), "rolled back"),
        IN_EARLIER.model_copy(update={"history": (pin(1),)}),
        Release(**pin(3).model_dump(), history=(IN_EARLIER.pin,)),
        Release(**pin(3).model_dump()).rejecting(IN_EARLIER.pin, "latency"),
        Release(**pin(3).model_dump()).rejecting(pin(1).model_copy(update={"serving_image": ""}), "latency"),
        SERVED.model_copy(update={"serving_image": ""}),
    ],
)
def test_a_new_serving_image_brings_back_nothing_that_a_person_or_a_canary_put_away(
    release: Release, platform: Platform
) -> None:
    platform.champion = 1
    write_releases("local", {"iris": release})
    assert controller(platform).try_next() is None
    assert pinned() == release
    assert platform.applied == []


def test_a_canary_of_before_they_pinned_an_image_loses_its_requests_first_and_begins_anew(platform: Platform) -> None:
    begun = Canary(pin=pin(2).model_copy(update={"serving_image": ""}), weight=10)
    write_releases("local", {"iris": SERVED.model_copy(update={"canary": begun})})
    assert tried(platform).result == "promoted"
    assert platform.applied[:3] == [(1, 0), (1, None), (1, 10)]
    assert pinned().serving_image == SERVING_DIGEST


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
