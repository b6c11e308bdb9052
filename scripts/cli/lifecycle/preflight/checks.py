"""All checks from this machine, side by side, and what `up` does with what they find."""

from collections.abc import Callable
from functools import partial

from modules.core.errors import UserError
from scripts.cli.clients.api import Refused, connect
from scripts.cli.environment import Environment
from scripts.cli.steps import Progress
from stacks.foundation.existing_settings import ExistingSettings

from . import api_server, capacity, namespaces, permissions, storage_classes
from .findings import Context, Finding, refused
from .objects import side_by_side

Check = Callable[[Context], list[Finding]]
CHECKS: tuple[tuple[str, Check], ...] = (
    ("rights", permissions.check),
    ("namespaces", namespaces.check),
    ("storage class", storage_classes.check),
    ("nodes", capacity.check),
)
"""Independent of each other. What checks another part from this machine is a line here."""


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


def require(environment: Environment, existing: ExistingSettings, progress: Progress) -> None:
    """Raise UserError, with all of it, where something of the cluster stands in the way."""
    found = run(environment, existing)
    if wrong := refused(found):
        lines = "\n".join(map(str, wrong))
        raise UserError(
            f"{lines}\nNothing was changed. `groundwork preflight {environment.stack}` prints all that was found"
        )
    for each in found:
        if each.state != "ok":
            progress(str(each))
    progress("; ".join(each.detail for each in found if each.check in {"API server", "namespaces"}))
