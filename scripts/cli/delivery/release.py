"""`groundwork release`; with `groundwork rollback` (rollback.py) the only way to change what serves.

A release is a model version in one serving image: checked in it, pinned with it in stacks/releases.<stack>.yaml, rolled
out by the Pulumi program, and seen to answer; whatever fails on the way, the previous pin comes back.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from modules.core.errors import UserError
from modules.core.images import read_images, repository_of, short_digest
from modules.core.naming import hashed
from modules.core.naming import namespace as namespace_of
from modules.core.releases import Pin, Release, same_release
from modules.gateway.documents import client_address
from scripts.cli.clients import engine, gateway, kubectl, pins
from scripts.cli.clients.pins import Superseded
from scripts.cli.clients.tracking import CHAMPION, Mlflow, Version
from scripts.cli.delivery import jobs, rollouts
from scripts.cli.delivery.train import workload_in
from scripts.cli.delivery.trust import require_pin, require_version, trust_in
from scripts.cli.environment import Environment
from scripts.cli.steps import Progress
from workloads.documents import check_template, format_of, model_variables, pinned_image
from workloads.documents import serving_repository as repository_of_workload
from workloads.settings import Workload
from workloads.signing import SIGNATURE, statement_of

ANSWER_SECONDS = 60.0
"""From a finished rollout to the first answer on this machine: the published port follows within seconds."""
ROUTE_SECONDS = 180.0
"""The same through the gateway, which follows a new route once its node looks at the ConfigMap again: each minute (the
kubelet's syncFrequency), or more."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What serves after a release or rollback."""

    workload: str
    changed: bool
    """False where it served already."""
    pin: Pin
    previous: Pin | None
    address: str | None
    """On this machine; None where the stack does not publish it."""


@dataclass(frozen=True)
class Place:
    """One workload in one stack, and where its rollouts are logged."""

    environment: Environment
    workload: Workload
    progress: Progress
    log: Path

    @property
    def namespace(self) -> str:
        return namespace_of(self.environment.stack, self.workload.name)

    @property
    def address(self) -> str | None:
        port = self.environment.settings.workloads[self.workload.name].local_port
        return f"http://127.0.0.1:{port}" if port else None


def release(stack: str, name: str, version: int | None, progress: Progress, log: Path) -> Outcome:
    """Serve a version of the workload's model in today's serving image: the version given, or else the one with the
    alias champion."""
    place = place_of(stack, name, progress, log)
    while True:
        try:
            return _release(place, version)
        except Superseded:
            progress("another command released in between: looking again")


def _release(place: Place, version: int | None) -> Outcome:
    pinned = pins.released(place.environment).get(place.workload.name)
    wanted = find_version(Mlflow(place.environment), place.workload.name, version)
    require_version(trust_in(place.environment, place.workload.name), wanted)
    previous = with_running_image(place, pinned) if pinned else None
    after = pin_of(
        wanted,
        previous,
        serving_image(place),
        repository=serving_repository(place),
        trusted=place.workload.serving.trusted,
    )
    if pinned and pins_same(pinned, after):
        if serves(place, pinned):
            return outcome_of(place, pinned, changed=False, previous=pinned)
        after, previous = pinned, before(pinned)  # pinned, but interrupted before it was rolled out
    check(place, after)
    if previous and not previous.complete:
        previous = None  # no server would take it any more, or nobody knows which one did
    roll_out(place, previous, after, pinned=pinned)
    return outcome_of(place, after, changed=True, previous=previous)


def before(release: Release) -> Release | None:
    """Return what served before a release, with what served before that."""
    if not release.history:
        return None
    *earlier, last = release.history
    return Release.model_validate({**last.model_dump(), "history": earlier, "rejected": release.rejected})


def place_of(stack: str, name: str, progress: Progress, log: Path) -> Place:
    environment = Environment(stack)
    return Place(environment, workload_in(environment, name), progress, log)


def outcome_of(place: Place, pin: Pin, *, changed: bool, previous: Pin | None) -> Outcome:
    return Outcome(workload=place.workload.name, changed=changed, pin=pin, previous=previous, address=place.address)


def find_version(mlflow: Mlflow, model: str, number: int | None) -> Version:
    """Return a version of a model. Raise UserError where there is none; it lists those there are."""
    found = mlflow.aliased(model, CHAMPION) if number is None else mlflow.version(model, number)
    if found is not None:
        return found
    existing = mlflow.versions(model)
    if not existing:
        raise UserError(f"model {model!r} has no version in MLflow at {mlflow.url}: run `groundwork train` first")
    wanted = f"no version with the alias {CHAMPION!r}" if number is None else f"no version {number}"
    raise UserError(f"model {model!r} has {wanted}; existing versions: {', '.join(map(str, existing))}")


def serving_image(place: Place) -> str:
    """Return the digest of today's serving image: of the images that the next rollout deploys."""
    locked = read_images(place.environment.stack).get(repository_of_workload(place.workload))
    return locked.digest if locked else deployed_image(place)


def serving_repository(place: Place) -> str:
    """Return the name of that image's repository."""
    name = repository_of_workload(place.workload)
    return name if name in read_images(place.environment.stack) else deployed_repository(place)


def deployed_image(place: Place) -> str:
    """Return the digest of the serving image that the platform was deployed with: while `up` brings a new one, that of
    before."""
    return jobs.image_digest(jobs.container_of(_check_template(place))["image"])


def deployed_repository(place: Place) -> str:
    """Return the name of that image's repository."""
    return repository_of(jobs.container_of(_check_template(place))["image"]).rpartition("/")[2]


def with_running_image(place: Place, release: Release) -> Release:
    """Return a release of before releases pinned their serving image with that in which its pods run, so that it can be
    restored and rolled back to; as it is where its pods are not found."""
    if release.serving_image:
        return release
    found = kubectl.get(place.environment, "deployment", place.workload.name, "-n", place.namespace)
    if found is None or _variables(found).get("MODEL_DIGEST") != release.model_digest:
        return release
    return release.model_copy(update={"serving_image": jobs.image_digest(_container(found)["image"])})


def pin_of(
    version: Version,
    previous: Release | None,
    image: str,
    *,
    repository: str = "serving",
    trusted: Sequence[str] = (),
) -> Release:
    """Return the release of a signed version in a serving image after a previous one, which goes into its history.

    trusted: types of which its server may make a model of the format skops."""
    signed = statement_of(version.model, version.run, version.tags)
    history = (*previous.history, previous.pin) if previous else ()
    return Release(
        release=previous.release + 1 if previous else 1,
        model_name=version.model,
        model_version=version.number,
        model_uri=signed.uri,
        model_digest=signed.digest,
        run=signed.run,
        data_digest=signed.data_digest,
        image_digest=signed.image_digest,
        config_digest=signed.config_digest,
        signature=version.tags.get(SIGNATURE, ""),
        serving_image=image,
        serving_repository=repository,
        model_format=format_of(version.tags.get("groundwork.config", "")),
        trusted=tuple(trusted),
        history=history,
        rejected=previous.rejected if previous else (),
    )


def pins_same(pin: Pin, other: Pin) -> bool:
    """Return whether both are the same model in the same serving image, which may make the same types of it."""
    same = (pin.model_name, set(pin.trusted)) == (other.model_name, set(other.trusted))
    return same and same_release(pin, other)


def _check_template(place: Place) -> dict[str, Any]:
    return jobs.template(place.environment, place.namespace, check_template(place.workload.name))


def check(place: Place, pin: Pin) -> None:
    """Try the model in the image that it is pinned with. Raise UserError with what does not fit, or where nobody signed
    it; nothing is changed."""
    name = place.workload.name
    require_pin(trust_in(place.environment, name), pin)
    template = _check_template(place)
    image = pinned_image(jobs.container_of(template)["image"], pin)
    variables = model_variables(pin)
    job = jobs.job_from(
        template, hashed(check_template(name), {"image": image, **variables}), image=image, variables=variables
    )
    place.progress(
        f"trying model {pin.model_name} version {pin.model_version} in serving image {short_digest(pin.serving_image)}"
    )
    ended = jobs.run(place.environment, job, place.progress)
    if ended.failure:
        problems = problems_of(ended.log)
        reasons = "".join(f"\n  {problem}" for problem in problems) if problems else f" {ended.failure}"
        raise UserError(
            f"model {pin.model_name!r} version {pin.model_version} does not fit the serving image, "
            f"what served is unchanged:{reasons}"
        )


def problems_of(log: str) -> list[str]:
    """Return the problems that the check reports in its last line; none where it did not get so far."""
    lines = log.splitlines()
    try:
        return list(json.loads(lines[-1])["problems"]) if lines else []
    except (ValueError, KeyError, TypeError):
        return []


def roll_out(place: Place, previous: Release | None, after: Release, *, pinned: Release | None) -> None:
    """Pin and apply. Whatever goes wrong, apply the previous pin again; the error says what serves now.

    Raise Superseded, and change nothing, where something else than `pinned` is pinned by now.

    Interrupted, it leaves the new pin: the same command then finishes what it says.
    """
    pins.replace(place.environment.stack, place.workload.name, pinned, after)
    try:
        _apply(place, after)
    except Exception as failure:
        reasons = _reasons(place)
        restored = _restore(place, after, previous, failure)
        if not isinstance(failure, UserError):
            raise
        raise UserError(f"{failure}{reasons}\nThe release was undone: {restored} is restored.") from failure


def _reasons(place: Place) -> str:
    """Return the last output of the pods that did not become ready: it is lost when the previous pin is restored."""
    selected = f"app.kubernetes.io/name={place.workload.name},app.kubernetes.io/component=serving"
    try:
        pods = kubectl.items(place.environment, "pods", "-n", place.namespace, "-l", selected)
        logs = {
            pod["metadata"]["name"]: jobs.last_lines(place.environment, pod, 3) for pod in pods if not is_ready(pod)
        }
    except UserError:  # a cluster that is gone is what the failure itself reports
        return ""
    return "".join(f"\nLast output of pod {name}: {text}" for name, text in logs.items() if text)


def is_ready(pod: Mapping[str, Any]) -> bool:
    conditions = pod["status"].get("conditions", [])
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def _restore(place: Place, failed: Release, previous: Release | None, failure: Exception) -> str:
    """Return what serves again. Raise UserError where that can't be applied either, or another command released."""
    what = (
        f"release {previous.release} (version {previous.model_version})" if previous else "the state without a release"
    )
    place.progress(f"failed: restoring {what}")
    try:
        pins.replace(place.environment.stack, place.workload.name, failed, previous)
    except Superseded as superseded:
        raise UserError(f"{failure}\nNothing was restored: {superseded}") from failure
    try:
        engine.up(place.environment, place.progress, place.log)
        rollouts.wait(place.environment, place.progress, namespace=place.namespace)
    except UserError as second:
        raise UserError(
            f"{failure}\nThe previous pin, {what}, is in place again, but could not be applied either:\n{second}\n"
            f"Run `scripts/up {place.environment.stack}` when the cause is gone."
        ) from second
    return what


def _apply(place: Place, pin: Pin) -> None:
    place.progress(f"rolling out version {pin.model_version}")
    engine.up(place.environment, place.progress, place.log)
    rollouts.wait(place.environment, place.progress, namespace=place.namespace)
    if not serves(place, pin):
        raise UserError(
            f"Deployment {place.namespace}/{place.workload.name} does not run version {pin.model_version} in serving "
            f"image {pin.serving_image}"
        )
    if place.address:
        place.progress(f"asking {place.address}")
        await_answer(place.address, place.workload, pin)
    elif routed := client_address(place.workload.name, place.environment.settings.entry):
        place.progress(f"asking {routed}")
        with gateway.client(place.environment, routed) as client:
            await_answer(routed, place.workload, pin, client=client, patience=ROUTE_SECONDS)


def serves(place: Place, pin: Pin, server: str | None = None) -> bool:
    """Return whether every pod of the Deployment (the workload's own by default) runs this model, in the image that it
    is pinned with, and is ready."""
    found = kubectl.get(place.environment, "deployment", server or place.workload.name, "-n", place.namespace)
    return found is not None and runs_everywhere(found, pin)


def is_applied(place: Place, pin: Pin) -> bool:
    """Return whether the Deployment is to run this very model in this very image, ready or not."""
    found = kubectl.get(place.environment, "deployment", place.workload.name, "-n", place.namespace)
    return found is not None and names_model(found, pin)


def names_model(deployment: Mapping[str, Any], pin: Pin) -> bool:
    """Return whether the Deployment names a pinned model and its image; any image for a pin of before they were
    pinned."""
    images = {jobs.image_digest(_container(deployment)["image"]), ""}
    # Also those that a pin leaves out: what trusts no types any more is not what still trusts some.
    unset, found = model_variables(None), _variables(deployment)
    named = {name: found.get(name, "") for name in unset}
    return pin.serving_image in images and named == {**unset, **model_variables(pin)}


def _container(deployment: Mapping[str, Any]) -> dict[str, Any]:
    return deployment["spec"]["template"]["spec"]["containers"][0]


def _variables(deployment: Mapping[str, Any]) -> dict[str, str]:
    return {each["name"]: each.get("value", "") for each in _container(deployment)["env"]}


def runs_everywhere(deployment: Mapping[str, Any], pin: Pin) -> bool:
    return rollouts.missing(deployment) is None and names_model(deployment, pin)


def await_answer(
    address: str,
    workload: Workload,
    pin: Pin,
    *,
    client: httpx.Client | None = None,
    patience: float = ANSWER_SECONDS,
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Wait until this model answers the workload's example. Raise UserError when it does not within `patience`
    seconds."""
    client = client or httpx.Client(timeout=5, trust_env=False)
    deadline = time.monotonic() + patience
    while True:
        try:
            response = client.post(f"{address}/predict", json=workload.serving.example)
            if response.is_success and response.json()["model_digest"] == pin.model_digest:
                return
            problem = f"{response.status_code} {response.text[:300]}"
        except httpx.TransportError as error:
            problem = f"{type(error).__name__}: {error}"
        if time.monotonic() > deadline:
            raise UserError(
                f"{address} did not answer as version {pin.model_version} within {patience:.0f} s: {problem}"
            )
        pause(0.5)
