"""`groundwork canary WORKLOAD`: tries each new champion, and the champion in each new serving image, as a canary, then
promotes it or restores what served.

A canary is pinned in stacks/releases.<stack>.yaml beside what serves. Interrupted at any point, the same command goes
on from what that file says.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from modules.core.errors import UserError
from modules.core.images import short_digest
from modules.core.releases import Canary, Pin, Release, same_model, same_release
from scripts.cli.clients import engine
from scripts.cli.clients.pins import Superseded
from scripts.cli.clients.tracking import CHAMPION, Mlflow, Version
from scripts.cli.delivery.canary_metrics import (
    MIN_DURATION,
    WEIGHT,
    Limits,
    VersionMetrics,
    find_regression,
    version_metrics,
)
from scripts.cli.delivery.canary_probe import CanaryProbe
from scripts.cli.delivery.held_out import NoRows, Rows, held_out_rows
from scripts.cli.delivery.release import (
    Place,
    check,
    deployed_image,
    deployed_repository,
    is_applied,
    pin_of,
    roll_out,
    serves,
    with_running_image,
)
from scripts.cli.delivery.release import release as release_at_once
from scripts.cli.delivery.release_store import ReleaseStore
from scripts.cli.delivery.trust import require_version, trust_in
from workloads.documents import CANARY, server_name

POLL_SECONDS = 2.0
IDLE_SECONDS = 10.0
"""Between two looks at the champion."""


@dataclass(frozen=True, kw_only=True)
class CanaryOptions:
    """How a new champion is tried."""

    weight: int = WEIGHT
    """Percent of the requests that it gets."""
    min_duration: float = MIN_DURATION
    """Seconds that it is observed for at least."""
    limits: Limits = field(default_factory=Limits)
    timeout: float | None = None
    """Seconds after which the command ends; None: never."""


@dataclass(frozen=True, kw_only=True)
class CanaryResult:
    """What became of a new champion."""

    workload: str
    version: int
    serving_image: str
    """In which the version was tried: its digest."""
    result: Literal["promoted", "restored"]
    serves: int
    """Version that serves now."""
    cause: str | None = None
    """Why what served was restored."""
    served: VersionMetrics | None = None
    tried: VersionMetrics | None = None
    """None where it did not come to that."""
    found_seconds: float = 0.0
    """From the canary's first second to the decision."""
    traffic_removed_seconds: float = 0.0
    """From the decision to the canary's last request."""


@dataclass(frozen=True, kw_only=True)
class Observation:
    """What was seen of both versions, up to the decision."""

    cause: str | None
    """Why the new version must not serve; None: it may."""
    served: VersionMetrics | None = None
    tried: VersionMetrics | None = None
    seconds: float = 0.0


class Inconclusive(UserError):
    """The time was up before a new version was worse, or was not for long enough. Its canary can go on."""


class CanaryController:
    """Decides on the new champions of one workload in one stack."""

    def __init__(
        self,
        place: Place,
        options: CanaryOptions,
        *,
        pause: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.place = place
        self.options = options
        self.pause = pause
        self.clock = clock
        self.mlflow = Mlflow(place.environment)
        self.store = ReleaseStore(place.environment, place.workload.name)
        self.probe = CanaryProbe(place, pause=pause, clock=clock)
        self.ends = None if options.timeout is None else clock() + options.timeout

    @property
    def name(self) -> str:
        return self.place.workload.name

    @property
    def expired(self) -> bool:
        return self.ends is not None and self.clock() >= self.ends

    def run(self, report: Callable[[CanaryResult], None], *, once: bool) -> None:
        """Try each new champion and report its result; until the timeout, or with `once` until none is left to try."""
        while True:
            result = self.try_next()
            if result is not None:
                report(result)
            if once or self.expired:
                return
            self.pause(0 if result else IDLE_SECONDS)

    def try_next(self) -> CanaryResult | None:
        """Try what is to be tried now, or go on with what was begun. Return None where there is nothing to try."""
        while True:
            try:
                return self._try_next()
            except Superseded:
                self.place.progress("another command released in between: looking again")

    def _try_next(self) -> CanaryResult | None:
        current = self.store.read()
        if current is None:
            return self._release_first()
        if current.canary is None:
            candidate = self._candidate(current)
            if candidate is None:
                self._finish_rollout(current)
                return None
            return self._try(current, candidate)
        if current.canary.weight == 0 or not current.canary.pin.serving_image:
            # Interrupted when all was decided; or begun before releases pinned their serving image: it begins anew.
            current = current.model_copy(update={"canary": current.canary.model_copy(update={"weight": 0})})
            self._apply(current)
            self._remove_canary(current, self.clock())
            return self._try_next()
        return self._try(current, current.canary.pin)

    def _release_first(self) -> CanaryResult | None:
        """Release the champion at once where nothing serves: there is nothing to compare it with."""
        if self._champion() is None:
            return None
        place = self.place
        outcome = release_at_once(place.environment.stack, self.name, None, place.progress, place.log)
        version, image = outcome.pin.model_version, outcome.pin.serving_image
        return CanaryResult(workload=self.name, version=version, serving_image=image, result="promoted", serves=version)

    def _candidate(self, current: Release) -> Pin | None:
        """Return the champion, in the serving image that the platform was deployed with, where it is to be tried.

        That is a version that never served here and was not rejected, in any image: what a person put in its place
        stays. Or the version that serves, in an image in which it did neither.
        """
        champion = self._champion()
        if champion is None:
            return None
        candidate = pin_of(
            champion,
            current,
            deployed_image(self.place),
            repository=deployed_repository(self.place),
            trusted=self.place.workload.serving.trusted,
        ).pin
        seen = [each for each in (*current.rejected, *current.history) if same_model(each, candidate)]
        if not same_model(current, candidate):
            return None if seen else candidate
        if not current.serving_image:
            return None  # of before releases pinned it: `groundwork up` releases it anew
        return None if any(same_release(each, candidate) for each in (current, *seen)) else candidate

    def _champion(self) -> Version | None:
        """Return the champion; None where there is none, or where it is not a model that training signed."""
        champion = self.mlflow.aliased(self.place.workload.name, CHAMPION)
        if champion is None:
            return None
        try:
            require_version(trust_in(self.place.environment, self.name), champion)
        except UserError as error:
            self.place.progress(f"the {CHAMPION} is passed over: {error}")
            return None
        return champion

    def _finish_rollout(self, current: Release) -> None:
        """Roll out what is pinned, where that was interrupted. Pods that are not ready need no rollout. What was
        released before trainings signed, or releases pinned their serving image, is left to `groundwork up`."""
        if current.complete and not is_applied(self.place, current):
            self._roll_out()

    def _try(self, current: Release, pin: Pin) -> CanaryResult:
        try:
            rows = held_out_rows(self.place, pin)
        except NoRows as error:
            return self._reject(current, pin, f"held-out rows: {error}")
        canary = Canary(pin=pin, weight=self.options.weight)
        if current.canary is None:
            try:
                check(self.place, pin)
            except UserError as error:
                return self._reject(current, pin, f"check: {error}")
        if current.canary != canary or not serves(self.place, pin, server_name(self.name, CANARY)):
            image = short_digest(pin.serving_image)
            self.place.progress(
                f"version {pin.model_version} in serving image {image} gets {canary.weight}% of the requests"
            )
            current = current.model_copy(update={"canary": canary})
            self.store.replace(current)
            try:
                self._roll_out()
            except UserError as error:
                return self._restore(current, pin, Observation(cause=f"start: {error}"))
        seen = self._observe(current, pin, rows)
        return self._promote(current, pin, seen) if seen.cause is None else self._restore(current, pin, seen)

    def _reject(self, current: Release, pin: Pin, cause: str) -> CanaryResult:
        """Reject what can't be tried; where it was begun, restore what served."""
        if current.canary is not None:
            return self._restore(current, pin, Observation(cause=cause))
        self.store.replace(current.rejecting(pin, cause))
        return self._result(current, pin, Observation(cause=cause))

    def _observe(self, current: Release, pin: Pin, rows: Rows) -> Observation:
        """Wait until the new version is worse, or was not for as long and as many requests as the options say.

        Raise Inconclusive where the time is up before."""
        limits, duration = self.options.limits, self.options.min_duration
        began, before = self.clock(), self.probe.samples()
        self.place.progress(f"asking both versions the {len(rows)} held-out rows")
        accuracies = self.probe.accuracies(rows)
        while True:
            self.store.require_unchanged()
            now = self.probe.samples()
            counted = [sample for each, earlier in zip(now, before, strict=True) if (sample := each.since(earlier))]
            elapsed = self.clock() - began
            if len(counted) < len(now):  # the gateway was started again
                began, before = self.clock(), now
                continue
            served, tried = map(version_metrics, counted, accuracies)
            cause = find_regression(served, tried, limits)
            if cause or (elapsed >= duration and tried.requests >= limits.min_requests):
                return Observation(cause=cause, served=served, tried=tried, seconds=elapsed)
            progress = f"{tried.requests} of {limits.min_requests} requests"
            if self.expired:
                raise Inconclusive(
                    f"{self.name}: version {pin.model_version} is not decided on: {progress} in {elapsed:.0f} s; "
                    f"version {current.model_version} serves, the canary stays: run the same command again to go on"
                )
            elapsed = min(elapsed, duration)
            self.place.progress(f"version {pin.model_version}: {progress}, {elapsed:.0f} of {duration:.0f} s")
            self.pause(POLL_SECONDS)

    def _promote(self, current: Release, pin: Pin, seen: Observation) -> CanaryResult:
        """Let the new version serve first, then remove the canary."""
        current = with_running_image(self.place, current)
        previous = current.model_copy(update={"canary": None})
        after = Release(
            **pin.model_dump(),
            history=(*current.history, current.pin),
            rejected=current.rejected,
            canary=Canary(pin=pin, weight=0),
        )
        decided = self.clock()
        roll_out(self.place, previous, after, pinned=self.store.known)
        self.store.known = after
        return self._result(after, pin, seen, self._remove_canary(after, decided))

    def _restore(self, current: Release, pin: Pin, seen: Observation) -> CanaryResult:
        """Take the canary's traffic away first, then remove it."""
        cause = seen.cause or ""
        self.place.progress(f"restoring version {current.model_version}: {cause.splitlines()[0]}")
        decided = self.clock()
        after = current.rejecting(pin, cause).model_copy(update={"canary": Canary(pin=pin, weight=0)})
        self._apply(after)
        return self._result(after, pin, seen, self._remove_canary(after, decided))

    def _remove_canary(self, release: Release, decided: float) -> float:
        """Remove a canary whose weight is 0. Return the seconds from the decision to its last request."""
        seconds = self.probe.wait_for_traffic_removal(decided)
        self._apply(release.model_copy(update={"canary": None}))
        return seconds

    def _result(self, now: Release, pin: Pin, seen: Observation, traffic_removed: float = 0.0) -> CanaryResult:
        return CanaryResult(
            workload=self.name,
            version=pin.model_version,
            serving_image=pin.serving_image,
            result="restored" if seen.cause else "promoted",
            serves=now.model_version,
            cause=seen.cause,
            served=seen.served,
            tried=seen.tried,
            found_seconds=round(seen.seconds, 1),
            traffic_removed_seconds=round(traffic_removed, 1),
        )

    def _apply(self, release: Release) -> None:
        self.store.replace(release)
        self._roll_out()

    def _roll_out(self) -> None:
        engine.up(self.place.environment, self.place.progress, self.place.log)
