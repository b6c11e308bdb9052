"""`groundwork preflight`."""

from typing import Annotated

import typer

from modules.core.errors import UserError
from scripts.cli.options import Json, StackArgument

EXAMPLES = (
    "Examples: `groundwork preflight team`, `groundwork preflight team --json`, "
    "`groundwork preflight team --print-rights --user jane`"
)


def preflight(
    stack: StackArgument,
    as_json: Json = False,
    print_rights: Annotated[
        bool, typer.Option("--print-rights", help="Print what the cluster's admin grants beforehand, as YAML.")
    ] = False,
    user: Annotated[
        str | None,
        typer.Option(help="Whom it is granted to; a service account is system:serviceaccount:NAMESPACE:NAME."),
    ] = None,
    group: Annotated[str | None, typer.Option(help="Group that it is granted to.")] = None,
) -> None:
    """Check somebody else's cluster before anything is changed in it: rights, names, room and all that must be there.

    Exit code 1 where something stands in the way."""
    from scripts.cli.lifecycle.preflight import report

    if not print_rights:
        if user or group:
            raise UserError("--user and --group say to whom --print-rights grants: pass it too")
        report.run(stack, as_json=as_json)
    elif user and not group:
        report.print_rights(stack, ("User", user))
    elif group and not user:
        report.print_rights(stack, ("Group", group))
    else:
        raise UserError("--print-rights: say to whom by one of --user and --group")
