"""All checks from this machine, side by side, and what `up` does with what they find."""

from collections.abc import Callable
from functools import partial

from modules.core.errors import UserError
from modules.core.images import read_images, reference
from scripts.cli.clients import engine
from scripts.cli.clients.api import Refused, connect
from scripts.cli.environment import Environment
from scripts.cli.steps import Progress
from stacks.foundation.existing_settings import ExistingSettings

from . import api_server, capacity, entry, namespaces, permissions, probe, registry, storage_classes
from .findings import Context, Finding, refused
from .objects import side_by_side


def _data_services(context: Context) -> list[Finding]:
    """Ask somebody else's object store and database, in turn: each reads the stack's secrets, and the engine is one."""
    environment = context.environment
    if not context.existing.external:
        return []
    if missing := environment.settings.missing_secrets():
        engine.ensure_stack(environment)  # without which the engine sets no secret
        shell = f'eval "$(scripts/env {environment.stack})"'
        return [
            Finding(
                check="data services", state="refused", detail=f"{key} is not set", action=f"`{shell}`, then `{set_it}`"
            )
            for key, set_it in missing.items()
        ]
    from . import database, object_store  # clients of both, which few stacks need

    return [*object_store.check(environment), *database.check(environment)]


Check = Callable[[Context], list[Finding]]
CHECKS: tuple[tuple[str, Check], ...] = (
    ("rights", permissions.check),
    ("namespaces", namespaces.check),
    ("storage class", storage_classes.check),
    ("nodes", capacity.check),
    ("registry", registry.check),
    ("entry", entry.check),
    ("data services", _data_services),
)
"""Independent of each other. What checks another part from this machine is a line here."""
IMAGE = "gateway"
"""Of the platform's own, with a Python, and of those the smallest."""


def run(environment: Environment, existing: ExistingSettings) -> list[Finding]:
    """Return what all checks find. Nothing is changed."""
    try:
        with connect(environment) as api:
            context = Context(environment, existing, api)
            try:
                first = api_server.check(context)
            except Refused:  # by a cluster that lets nobody read what there is
                first = []
            found = side_by_side(partial(_ask, context), CHECKS)
            return [*first, *(finding for findings in found for finding in findings)]
    except UserError as error:
        return [api_server.unreachable(environment, existing.context, error)]


def _ask(context: Context, named: tuple[str, Check]) -> list[Finding]:
    name, check = named
    try:
        return check(context)
    except Refused as error:
        return [Finding(check=name, state="not known", detail=f"the right to look is missing: {error}")]
    except UserError as error:
        return [Finding(check=name, state="refused", detail=str(error), action="have that put right")]


def servers(existing: ExistingSettings) -> probe.Servers:
    """Return what pods use that somebody else runs. A store outside of the cluster to which a proxy leads is not tried
    without it."""
    found: dict[str, probe.Server] = {}
    store = existing.storage
    if store is not None and (store.pods or getattr(existing.pods.proxy, store.scheme) is None):
        found["storage"] = probe.Server(store.host, store.port, store.reach(store.port))
    if (database := existing.database) is not None:
        found["database"] = probe.Server(database.host, database.port, database.reach(database.port))
    return found


def run_inside(environment: Environment, existing: ExistingSettings) -> list[Finding]:
    """Return what a pod finds out, once there is an image for it. What it makes is gone afterwards."""
    contract = existing.registry.contract()
    image = read_images(environment.stack).get(IMAGE)
    if image is None:
        detail = "images are not built yet: `up` checks from a pod once they are"
        return [Finding(check="from a pod", state="not known", detail=detail)]
    try:
        with connect(environment) as api:
            return probe.run(Context(environment, existing, api), reference(contract, IMAGE, image), servers(existing))
    except (Refused, UserError) as error:
        return [Finding(check="from a pod", state="refused", detail=str(error), action="have that put right")]


def require_inside(environment: Environment, existing: ExistingSettings, progress: Progress) -> None:
    """Raise UserError where a pod finds that something is in the way."""
    progress("asking from a pod: images, names, network policies, clocks")
    _judge(environment, run_inside(environment, existing), progress)


def require(environment: Environment, existing: ExistingSettings, progress: Progress) -> None:
    """Raise UserError, with all of it, where something of the cluster stands in the way."""
    found = run(environment, existing)
    _judge(environment, found, progress)
    progress("; ".join(each.detail for each in found if each.check in {"API server", "namespaces"}))


def _judge(environment: Environment, found: list[Finding], progress: Progress) -> None:
    if wrong := refused(found):
        lines = "\n".join(map(str, wrong))
        raise UserError(
            f"{lines}\nNothing was changed. `groundwork preflight {environment.stack}` prints all that was found"
        )
    for each in found:
        if each.state != "ok":
            progress(str(each))
