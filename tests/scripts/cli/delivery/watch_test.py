"""Watching a workload, on a platform that only counts."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from modules.core import releases
from modules.core.errors import UserError
from modules.core.releases import Canary, Pin, Refusal, Release, read_releases, write_releases
from scripts.cli.clients import engine, kubectl, pins
from scripts.cli.delivery import watch, watching
from scripts.cli.delivery.figures import Limits
from scripts.cli.delivery.release import place_of
from scripts.cli.delivery.watch import Options, Trial, Watch
from scripts.cli.environment import Environment
from tests.scripts.cli.fakes import DIGEST, Answer, always, mlflow, quiet, refused, settings, stack, version

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
    )


SERVED = Release(**pin(1).model_dump())


class Platform:
    """Each look at the metrics finds more requests; a canary of weight 0 gets none."""

    def __init__(self) -> None:
        self.now = 0.0
        self.champion = 2
        self.canary_code = "200"
        self.labels = {"iris": GOOD, "iris-canary": GOOD}
        self.asked = {"iris": 0, "iris-canary": 0}
        self.applied: list[tuple[int, int | None]] = []
        self.failure: str | None = None
        self.problem: str | None = None
        self.rolled_out = True

    def mlflow(self, path: str, _: dict[str, Any]) -> Answer | None:
        if path == "registered-models/alias":
            return 200, {"model_version": version(self.champion)}
        return None

    def up(self, *_: object) -> None:
        present = read_releases("local")["iris"]
        self.applied.append((present.model_version, present.canary.weight if present.canary else None))
        if self.failure and present.canary and present.canary.weight:
            raise UserError(self.failure)

    def roll_out(self, _: object, __: object, after: Release, *, pinned: Release | None) -> None:
        pins.replace("local", "iris", pinned, after)
        self.up()

    def is_applied(self, *_: object) -> bool:
        return self.rolled_out

    def check(self, *_: object) -> None:
        if self.problem:
            raise UserError(self.problem)

    def kubectl(self, _: object, verb: str, __: str, path: str, *___: str, stdin: str = "") -> str:
        if verb == "create":
            assert len(json.loads(stdin)["rows"]) == 2
            server = path.split("/services/")[1].partition(":")[0]
            return json.dumps({"predictions": self.labels[server]})
        present = read_releases("local")["iris"]
        if present.canary and present.canary.weight:
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
    mlflow(monkeypatch, made.mlflow)
    monkeypatch.setattr(releases, "release_file", always(tmp_path / "releases.local.yaml"))
    monkeypatch.setattr(engine, "up", made.up)
    monkeypatch.setattr(kubectl, "run", made.kubectl)
    monkeypatch.setattr(watch, "roll_out", made.roll_out)
    monkeypatch.setattr(watch, "check", made.check)
    monkeypatch.setattr(watch, "serves", always(True))
    monkeypatch.setattr(watch, "is_applied", made.is_applied)
    monkeypatch.setattr(watch.Mlflow, "artifact", always(ROWS))
    write_releases("local", {"iris": SERVED})
    return made


def watched(platform: Platform, until: float | None = None) -> Watch:
    options = Options(share=10, window=20, limits=Limits(requests=50), until=until)
    place = place_of("local", "iris", quiet, Path("log"))
    return Watch(place, options, pause=platform.pause, clock=lambda: platform.now)


def trial(platform: Platform) -> Trial:
    found = watched(platform).trial()
    assert found is not None
    return found


def present() -> Release:
    return read_releases("local")["iris"]


def test_what_is_not_worse_is_promoted_and_the_canary_goes_last(platform: Platform) -> None:
    found = trial(platform)
    assert (found.result, found.version, found.serves, found.cause) == ("promoted", 2, 2, None)
    assert found.found_seconds >= 20
    # A share, then none with the new version in place, then no canary.
    assert [platform.applied[0], *platform.applied[-2:]] == [(1, 10), (2, 0), (2, None)]
    assert (present().model_version, present().canary) == (2, None)
    assert [former.model_version for former in present().history] == [1]


def failing(platform: Platform) -> None:
    platform.canary_code = "500"


def inaccurate(platform: Platform) -> None:
    platform.labels["iris-canary"] = ["setosa", "setosa"]


@pytest.mark.parametrize(("make", "cause"), [(failing, "errors: "), (inaccurate, "accuracy: ")])
def test_what_is_worse_is_taken_back_and_remembered(
    make: Callable[[Platform], None], cause: str, platform: Platform
) -> None:
    make(platform)
    found = trial(platform)
    assert (found.result, found.serves) == ("restored", 1)
    assert (found.cause or "").startswith(cause)
    assert [platform.applied[0], *platform.applied[-2:]] == [(1, 10), (1, 0), (1, None)]
    (refusal,) = present().refused
    assert refusal == Refusal(model_version=2, model_digest=DIGEST, cause=found.cause or "")
    assert present().pin == SERVED.pin
    assert watched(platform).trial() is None


def test_what_does_not_fit_the_image_gets_no_request(platform: Platform) -> None:
    platform.problem = "it does not load"
    assert trial(platform).cause == "check: it does not load"
    assert platform.applied == []
    assert present().refused[0].model_version == 2


def test_what_does_not_start_is_taken_back(platform: Platform) -> None:
    platform.failure = "it did not become ready"
    found = trial(platform)
    assert (found.result, found.cause) == ("restored", "start: it did not become ready")
    assert present().canary is None


def test_what_served_before_is_not_tried_again_when_a_person_went_back_to_another(platform: Platform) -> None:
    write_releases("local", {"iris": Release(**pin(3).model_dump(), history=(pin(1), pin(2)))})
    assert watched(platform).trial() is None
    write_releases("local", {"iris": SERVED.refusing(pin(2), "rolled back")})
    assert watched(platform).trial() is None
    assert platform.applied == []


def test_what_a_person_releases_meanwhile_stays_and_the_trial_ends(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_hand = Release(**pin(4).model_dump(), history=(pin(1),))

    def release_by_hand(seconds: float) -> None:
        platform.pause(seconds)
        platform.champion = 4
        write_releases("local", {"iris": by_hand})

    started = watched(platform)
    monkeypatch.setattr(started, "pause", release_by_hand)
    assert started.trial() is None
    assert present() == by_hand
    assert platform.applied == [(1, 10)]


def test_what_a_person_releases_while_a_version_is_checked_stays(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_hand = Release(**pin(4).model_dump(), history=(pin(1),))

    def check_while_a_person_releases(*_: object) -> None:
        platform.champion = 4
        write_releases("local", {"iris": by_hand})

    monkeypatch.setattr(watch, "check", check_while_a_person_releases)
    assert watched(platform).trial() is None
    assert present() == by_hand
    assert platform.applied == []


def test_an_interrupted_trial_goes_on_with_its_canary(platform: Platform) -> None:
    write_releases("local", {"iris": SERVED.model_copy(update={"canary": Canary(pin=pin(2), weight=10)})})
    platform.champion = 3  # newer, but first what was begun
    assert trial(platform).version == 2
    assert trial(platform).version == 3


@pytest.mark.parametrize(("rolled_out", "applied"), [(True, []), (False, [(1, None)])])
def test_what_was_pinned_and_not_rolled_out_is_and_nothing_else(
    rolled_out: bool, applied: list[tuple[int, None]], platform: Platform
) -> None:
    platform.champion, platform.rolled_out = 1, rolled_out
    assert watched(platform).trial() is None
    assert platform.applied == applied


def test_an_interrupted_end_is_ended(platform: Platform) -> None:
    platform.champion = 1
    write_releases("local", {"iris": SERVED.model_copy(update={"canary": Canary(pin=pin(2), weight=0)})})
    assert watched(platform).trial() is None
    assert platform.applied == [(1, 0), (1, None)]


def test_without_enough_requests_the_time_limit_leaves_the_canary(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "asked", {"iris": 0, "iris-canary": 0})
    started = watched(platform, until=30)
    monkeypatch.setattr(started, "options", Options(share=10, window=20, limits=Limits(requests=10**6), until=30))
    message = refused(started.trial)
    assert "of 1000000 requests" in message
    assert "run the same command again to go on" in message
    assert present().canary == Canary(pin=pin(2), weight=10)


def test_a_version_without_held_out_rows_is_not_tried(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch.Mlflow, "artifact", always(None))
    assert "has no held_out.csv" in refused(watched(platform).trial)
    assert platform.applied == []


def test_a_workload_is_watched_once_at_a_time(
    platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    home = Environment("local").home
    home.mkdir(parents=True)
    platform.champion = 1
    watching.watch_workload("local", "iris", Options(), once=True, as_json=False)
    holder = (
        "import fcntl, sys; f = open(sys.argv[1], 'r+'); fcntl.lockf(f, fcntl.LOCK_EX); print(1, flush=True); input()"
    )
    command = [sys.executable, "-c", holder, str(home / "watch-iris.lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        message = refused(lambda: watching.watch_workload("local", "iris", Options(), once=True, as_json=False))
        other.kill()
    assert "is watched already: see `groundwork status`" in message
    assert "groundwork:workloads.iris.watch" in message


@pytest.mark.parametrize(
    ("watch", "said"),
    [(True, "is watched beside the cluster: nothing to do"), (False, "version 2 is not decided on")],
)
def test_a_build_server_leaves_alone_what_is_watched_and_is_not_red_for_want_of_requests(
    watch: bool, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stack(monkeypatch, settings(**{"groundwork:workloads": {"iris": {"watch": watch}}}))

    def undecided(*_: object, **__: object) -> None:
        raise watching.Undecided("version 2 is not decided on")

    monkeypatch.setattr(watching, "watch_workload", undecided)
    watching.rollout("local", "iris")
    assert said in capsys.readouterr().out


def test_watching_ends_by_itself_where_it_is_told_to(platform: Platform) -> None:
    told: list[Trial] = []
    watch.watch(watched(platform), told.append, once=True)
    assert [each.result for each in told] == ["promoted"]
    watch.watch(watched(platform, until=25), told.append, once=False)
    assert len(told) == 1
