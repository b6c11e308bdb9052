"""For each workload of an environment: the champion in the model registry, and what serves."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.table import Table

from embedded.cluster.status import read as read_status
from modules.core.errors import UserError
from modules.core.images import read_images, short_digest
from modules.core.naming import namespace
from modules.core.releases import Release, same_release
from scripts.cli.clients import kubectl, pins
from scripts.cli.clients.tracking import CHAMPION, Mlflow
from scripts.cli.environment import Environment
from scripts.cli.lifecycle.background import process_name
from scripts.cli.output import plain_table
from workloads import catalog
from workloads.documents import serving_repository


@dataclass(frozen=True, kw_only=True)
class ModelStatus:
    """A workload's model, as the registry and the cluster have it."""

    workload: str
    champion: int | None
    """Version that the alias names."""
    release: int | None
    """Counts the workload's releases."""
    version: int | None
    """Of the model that runs on the cluster; None where none does."""
    image: str | None
    """Reference of what serves it."""
    format: str | None
    """In which the released model is stored for its server: onnx or skops."""
    lags: bool
    """Whether it serves in another serving image than today's, in which a release would be checked."""
    watch: str | None
    """State of the background process that tries new champions: running, or how it ended; None where there is none."""
    note: str
    """What a person may want to do about it; empty where nothing is."""


def find(environment: Environment) -> list[ModelStatus]:
    """All workloads of the environment, by name."""
    released = pins.released(environment)
    watches = read_status(environment.cluster_layout).background
    built = read_images(environment.stack)
    found: list[ModelStatus] = []
    for name in sorted(environment.settings.workloads):
        today = built.get(serving_repository(catalog.load(name)))
        watch = watches.get(process_name(name))
        found.append(_find(environment, name, released.get(name), watch, today.digest if today else None))
    return found


def _find(
    environment: Environment, workload: str, pin: Release | None, watch: str | None, today: str | None
) -> ModelStatus:
    deployment = kubectl.get(environment, "deployment", workload, "-n", namespace(environment.stack, workload))
    try:
        version = Mlflow(environment).aliased(workload, CHAMPION)
        number, problem = version.number if version else None, ""
    except UserError as error:
        number, problem = None, str(error)
    return describe(workload, number, pin, deployment, watch=watch, today=today, problem=problem)


def describe(
    workload: str,
    champion: int | None,
    pin: Release | None,
    deployment: Mapping[str, Any] | None,
    *,
    watch: str | None = None,
    today: str | None = None,
    problem: str = "",
) -> ModelStatus:
    """A row. `today`: digest of today's serving image; None where none was built. `problem`: why the champion is not
    known. Pure."""
    version, image = _running(deployment) if deployment else (None, None)
    running = image.rpartition("@")[2] if image else None
    serves = (pin.serving_image if pin else "") or running
    behind = serves if today and serves != today else None
    runs = pin is not None and pin.model_version == version and running == serves
    note = _note(workload, champion, pin, watch) if pin is None or runs else _not_running(pin)
    notes = [problem or note, _lag(workload, pin, behind, today)]
    return ModelStatus(
        workload=workload,
        champion=champion,
        release=pin.release if pin else None,
        version=version,
        image=image,
        format=pin.model_format if pin else None,
        lags=behind is not None,
        watch=watch,
        note="; ".join(filter(None, notes)),
    )


def _lag(workload: str, pin: Release | None, behind: str | None, today: str | None) -> str:
    """Return what to do about a model that serves in a serving image of before; empty where none does."""
    if pin is None or pin.canary or behind is None or today is None:
        return ""
    wanted = pin.model_copy(update={"serving_image": today})
    tried = next((each for each in pin.rejected if same_release(each, wanted)), None)
    cause = f" rejected it ({tried.cause})" if tried else f" is {short_digest(today)}"
    return (
        f"it serves in serving image {short_digest(behind)}, today's{cause}: "
        f"`groundwork release {workload} --model-version {pin.model_version}` checks it in today's"
    )


def _not_running(pin: Release) -> str:
    image = f" in serving image {short_digest(pin.serving_image)}" if pin.serving_image else ""
    return f"release {pin.release} is version {pin.model_version}{image}, which does not run: `scripts/up` rolls it out"


def _note(workload: str, champion: int | None, pin: Release | None, watch: str | None) -> str:
    if pin is None:
        train = f"`groundwork train {workload}`, then " if champion is None else ""
        return f"nothing was released: {train}`groundwork release {workload}`"
    if pin.canary:
        return f"version {pin.canary.pin.model_version} is tried on {pin.canary.weight}% of the requests"
    if watch not in {None, "running"}:
        return f"its watch {watch}"
    if champion is not None and champion != pin.model_version:
        rejection = next((each for each in pin.rejected if each.model_version == champion), None)
        cause = f"was rejected ({rejection.cause})" if rejection else "does not serve"
        return f"the champion {cause}: `groundwork release {workload}` releases it"
    return ""


def _running(deployment: Mapping[str, Any]) -> tuple[int, str]:
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    variables = {each["name"]: each.get("value", "") for each in container["env"]}
    return int(variables["MODEL_VERSION"]), container["image"]


def table(models: Sequence[ModelStatus]) -> Table:
    shown = plain_table("workload", "champion", "release", "serves", "format", "watch", "image", "")
    for model in models:
        champion, version = (f"version {each}" if each else "none" for each in (model.champion, model.version))
        watch = "none" if model.watch is None else model.watch.partition(" ")[0]
        release, served = str(model.release or "none"), model.format or ""
        shown.add_row(model.workload, champion, release, version, served, watch, model.image or "", model.note)
    return shown


def as_json(models: Sequence[ModelStatus]) -> list[dict[str, Any]]:
    return [asdict(model) for model in models]
