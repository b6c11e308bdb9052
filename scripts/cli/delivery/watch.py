"""`groundwork canary WORKLOAD`: tries each new champion as a canary, then promotes it or restores what served.

A canary is pinned in stacks/releases.<stack>.yaml beside what serves. Interrupted at any point, the same command goes
on from what that file says.
"""

import csv
import io
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from modules.core.errors import UserError
from modules.core.naming import namespace
from modules.core.releases import Canary, Pin, Release
from modules.gateway.documents import SERVICE as GATEWAY
from scripts.cli.clients import engine, kubectl, pins
from scripts.cli.clients.pins import Overtaken
from scripts.cli.clients.tracking import CHAMPION, Mlflow, Version
from scripts.cli.delivery.figures import SHARE, WINDOW, Figures, Limits, Sample, figures, read, share_right, worse
from scripts.cli.delivery.release import Place, check, is_applied, pin_of, pins_same, roll_out, serves
from scripts.cli.delivery.release import release as release_at_once
from workloads.documents import CANARY, server_name
from workloads.experiment import HELD_OUT

POLL_SECONDS = 2.0
IDLE_SECONDS = 10.0
"""Between two looks at the champion."""
QUIET_SECONDS = 6.0
"""Without a request at the canary: then the gateway has turned away from it."""
TURN_SECONDS = 60.0
"""For the gateway to do so; it looks for changed routes every ten seconds or so."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """How a new champion is tried."""

    share: int = SHARE
    """Percent of the requests that it gets."""
    window: float = WINDOW
    """Seconds that it is observed for at least."""
    limits: Limits = field(default_factory=Limits)
    until: float | None = None
    """Seconds after which the watch ends; None: never."""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What became of a new champion."""

    workload: str
    version: int
    result: Literal["promoted", "restored"]
    serves: int
    """Version that serves now."""
    cause: str | None = None
    """Why what served was restored."""
    served: Figures | None = None
    tried: Figures | None = None
    """None where it did not come to that."""
    found_seconds: float = 0.0
    """From the canary's first second to the verdict."""
    turned_seconds: float = 0.0
    """From the verdict to the canary's last request."""


@dataclass(frozen=True, kw_only=True)
class Observation:
    """What was seen of both versions, up to the verdict."""

    cause: str | None
    """Why the new version must not serve; None: it may."""
    served: Figures | None = None
    tried: Figures | None = None
    seconds: float = 0.0


class Undecided(UserError):
    """The time was up before a new version was worse, or was not for long enough. Its trial can go on."""


class Watch:
    """One workload of one stack, watched."""

    def __init__(
        self,
        place: Place,
        options: Options,
        *,
        pause: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.place = place
        self.options = options
        self.pause = pause
        self.clock = clock
        self.mlflow = Mlflow(place.environment)
        self.ends = None if options.until is None else clock() + options.until
        self.pinned: Release | None = None
        """What the releases file said when this watch read or wrote it last."""

    @property
    def name(self) -> str:
        return self.place.workload.name

    @property
    def expired(self) -> bool:
        return self.ends is not None and self.clock() >= self.ends

    def trial(self) -> Trial | None:
        """Tries what is to be tried now, or goes on with what was begun; None where nothing is."""
        while True:
            try:
                return self._next()
            except Overtaken:
                self.place.progress("somebody else released in between: looking anew")

    def _next(self) -> Trial | None:
        present = self.pinned = self._read()
        if present is None:
            return self._first()
        if present.canary is None:
            champion = self._new_champion(present)
            if champion is None:
                self._finish(present)
                return None
            return self._try(present, pin_of(champion, present).pin)
        if present.canary.weight == 0:  # interrupted when all was decided
            self._apply(present)
            self._end(present, self.clock())
            return self._next()
        return self._try(present, present.canary.pin)

    def _read(self) -> Release | None:
        return pins.released(self.place.environment).get(self.name)

    def _write(self, release: Release) -> None:
        """Raises Overtaken, and writes nothing, where somebody else wrote in between."""
        pins.replace(self.place.environment.stack, self.name, self.pinned, release)
        self.pinned = release

    def _expect_turn(self) -> None:
        if self._read() != self.pinned:
            raise Overtaken("somebody else released while a version was tried")

    def _first(self) -> Trial | None:
        """Nothing serves: there is nothing to hold a champion against."""
        if self.mlflow.aliased(self.place.workload.model, CHAMPION) is None:
            return None
        place = self.place
        outcome = release_at_once(place.environment.stack, self.name, None, place.progress, place.log)
        version = outcome.pin.model_version
        return Trial(workload=self.name, version=version, result="promoted", serves=version)

    def _new_champion(self, present: Release) -> Version | None:
        """One that never served here and was not refused: what a person put in place of it stays."""
        champion = self.mlflow.aliased(self.place.workload.model, CHAMPION)
        if champion is None or pins_same(present, champion):
            return None
        digest = champion.tags.get("groundwork.digest")
        seen = {(each.model_version, each.model_digest) for each in (*present.refused, *present.history)}
        return None if (champion.number, digest) in seen else champion

    def _finish(self, present: Release) -> None:
        """What is pinned, but was interrupted before it was rolled out. Pods that are not ready need no rollout."""
        if not is_applied(self.place, present):
            self._roll_out()

    def _try(self, present: Release, pin: Pin) -> Trial:
        rows = self._held_out(pin)
        canary = Canary(pin=pin, weight=self.options.share)
        if present.canary is None:
            try:
                check(self.place, pin)
            except UserError as error:
                self._write(present.refusing(pin, f"check: {error}"))
                return self._trial(present, pin, Observation(cause=f"check: {error}"))
        if present.canary != canary or not serves(self.place, pin, server_name(self.name, CANARY)):
            self.place.progress(f"version {pin.model_version} gets {canary.weight}% of the requests")
            present = present.model_copy(update={"canary": canary})
            self._write(present)
            try:
                self._roll_out()
            except UserError as error:
                return self._restore(present, pin, Observation(cause=f"start: {error}"))
        seen = self._observe(present, pin, rows)
        return self._promote(present, pin, seen) if seen.cause is None else self._restore(present, pin, seen)

    def _observe(self, present: Release, pin: Pin, rows: list[dict[str, str]]) -> Observation:
        """Until the new version is worse, or was not for as long and as many requests as wanted."""
        limits = self.options.limits
        began, before = self.clock(), self._samples()
        self.place.progress(f"asking both versions the {len(rows)} held-out rows")
        accuracies = [self._accuracy(server, rows) for server in self._servers()]
        while True:
            self._expect_turn()
            now = self._samples()
            parts = [each.since(former) for each, former in zip(now, before, strict=True)]
            counted = [part for part in parts if part is not None]
            elapsed = self.clock() - began
            if len(counted) < len(parts):  # the gateway was started again
                began, before = self.clock(), now
                continue
            served, tried = (figures(part, right) for part, right in zip(counted, accuracies, strict=True))
            cause = worse(served, tried, limits)
            if cause or (elapsed >= self.options.window and tried.requests >= limits.requests):
                return Observation(cause=cause, served=served, tried=tried, seconds=elapsed)
            if self.expired:
                raise Undecided(
                    f"{self.name}: version {pin.model_version} is not decided on: {tried.requests} of "
                    f"{limits.requests} requests in {elapsed:.0f} s; version {present.model_version} serves, the "
                    "canary stays: run the same command again to go on"
                )
            self.place.progress(
                f"version {pin.model_version}: {tried.requests} of {limits.requests} requests, "
                f"{min(elapsed, self.options.window):.0f} of {self.options.window:.0f} s"
            )
            self.pause(POLL_SECONDS)

    def _promote(self, present: Release, pin: Pin, seen: Observation) -> Trial:
        """The new version serves first, then the canary goes."""
        former = present.model_copy(update={"canary": None})
        after = Release(
            **pin.model_dump(),
            history=(*present.history, present.pin),
            refused=present.refused,
            canary=Canary(pin=pin, weight=0),
        )
        decided = self.clock()
        roll_out(self.place, former, after, pinned=self.pinned)
        self.pinned = after
        return self._trial(after, pin, seen, self._end(after, decided))

    def _restore(self, present: Release, pin: Pin, seen: Observation) -> Trial:
        """The gateway turns away from the canary first, then it goes."""
        cause = seen.cause or ""
        self.place.progress(f"restoring version {present.model_version}: {cause.splitlines()[0]}")
        decided = self.clock()
        after = present.refusing(pin, cause).model_copy(update={"canary": Canary(pin=pin, weight=0)})
        self._apply(after)
        return self._trial(after, pin, seen, self._end(after, decided))

    def _end(self, release: Release, decided: float) -> float:
        """Ends a canary that was given no share any more; the seconds from the verdict to its last request."""
        seconds = self._turn_away(decided)
        self._apply(release.model_copy(update={"canary": None}))
        return seconds

    def _trial(self, now: Release, pin: Pin, seen: Observation, turned: float = 0.0) -> Trial:
        return Trial(
            workload=self.name,
            version=pin.model_version,
            result="restored" if seen.cause else "promoted",
            serves=now.model_version,
            cause=seen.cause,
            served=seen.served,
            tried=seen.tried,
            found_seconds=round(seen.seconds, 1),
            turned_seconds=round(turned, 1),
        )

    def _apply(self, release: Release) -> None:
        self._write(release)
        self._roll_out()

    def _roll_out(self) -> None:
        engine.up(self.place.environment, self.place.progress, self.place.log)

    def _turn_away(self, decided: float) -> float:
        """Seconds from the verdict to the canary's last request."""
        last, count, deadline = self.clock(), -1.0, self.clock() + TURN_SECONDS
        while self.clock() - last < QUIET_SECONDS and self.clock() < deadline:
            asked = sum(self._samples()[1].answers.values())
            if asked != count:
                last, count = self.clock(), asked
            self.pause(0.5)
        return last - decided

    def _servers(self) -> list[str]:
        """What serves, and what is tried."""
        return [self.name, server_name(self.name, CANARY)]

    def _samples(self) -> list[Sample]:
        place = namespace(self.place.environment.stack, GATEWAY)
        path = f"/api/v1/namespaces/{place}/services/{GATEWAY}:metrics/proxy/metrics"
        text = kubectl.run(self.place.environment, "get", "--raw", path)
        return [read(text, server) for server in self._servers()]

    def _held_out(self, pin: Pin) -> list[dict[str, str]]:
        """The labelled rows that the new version was not trained on."""
        text = self.mlflow.artifact(pin.run, HELD_OUT)
        rows = list(csv.DictReader(io.StringIO(text or "")))
        if not rows:
            raise UserError(
                f"run {pin.run} of model version {pin.model_version} has no {HELD_OUT}: its accuracy can't be measured "
                f"beside what serves. Train again, or `groundwork release {self.name} --model-version "
                f"{pin.model_version}` without a trial"
            )
        return rows

    def _accuracy(self, server: str, rows: list[dict[str, str]]) -> float | None:
        """Of a server, asked without the gateway; None where it does not answer."""
        features = list(self.place.workload.serving.example)
        body = {"rows": [{name: float(row[name]) for name in features} for row in rows]}
        (label,) = set(rows[0]) - set(features)
        path = f"/api/v1/namespaces/{self.place.namespace}/services/{server}:http/proxy/predict"
        try:
            answer = kubectl.run(self.place.environment, "create", "--raw", path, "-f", "-", stdin=json.dumps(body))
            return share_right(json.loads(answer)["predictions"], [row[label] for row in rows])
        except (UserError, ValueError, KeyError):
            return None


def watch(watched: Watch, told: Callable[[Trial], None], *, once: bool) -> None:
    """Tries each new champion, and tells what became of it; until the time limit, or with `once` until nothing is to
    be tried."""
    while True:
        trial = watched.trial()
        if trial is not None:
            told(trial)
        if once or watched.expired:
            return
        watched.pause(0 if trial else IDLE_SECONDS)
