"""`groundwork preflight`: what all checks found, for people and for programs, and the documents for an admin."""

import typer

from modules.core.errors import UserError
from scripts.cli.environment import Environment
from scripts.cli.lifecycle.up import prepare
from scripts.cli.output import console, note, print_json
from scripts.cli.steps import Progress, Runner, Step, run_or_exit
from stacks.foundation.existing_settings import ExistingSettings
from stacks.foundation.rights import (
    CLUSTER_OPTIONAL,
    Document,
    Subject,
    namespace_documents,
    rights_in,
    rights_of,
    role_documents,
)

from . import checks
from .findings import Finding, as_yaml, documents, json_rows, refused, table


def run(stack: str, *, as_json: bool) -> None:
    """Print what all checks find. Exit code 1 where something stands in the way."""
    existing_of(Environment(stack))
    up = prepare(stack)
    existing, found = existing_of(up.environment), list[Finding]()

    def ask(progress: Progress) -> None:
        found.extend(checks.run(up.environment, existing))
        if not refused(found):
            progress("asking from a pod")
            found.extend(checks.run_inside(up.environment, existing))
        progress(f"{len(found)} checks, {len(refused(found))} of them refuse")

    steps = [
        Step(name="toolchain", title="Toolchain", run=up.toolchain),
        Step(name="checks", title="Checks", run=ask, needs=("toolchain",)),
    ]
    run_or_exit(Runner(steps, up.log), f"groundwork preflight {stack}")
    wanted = documents(found)
    if as_json:
        print_json({"stack": stack, "checks": json_rows(found), "for_the_admin": wanted})
    else:
        screen = console()
        screen.print(table(found))
        if wanted:
            note("\nFor the cluster's admin, who applies it by `kubectl apply -f FILE`:\n")
            typer.echo(as_yaml(wanted))
    if refused(found):
        raise typer.Exit(1)


def existing_of(environment: Environment) -> ExistingSettings:
    """UserError where the stack's cluster is not somebody else's."""
    existing = environment.settings.existing
    if existing is None:
        raise UserError(
            f"stack {environment.stack}: groundwork:foundation.target is {environment.settings.foundation.target!r}: "
            f"`scripts/up {environment.stack}` makes its cluster, and there is nothing to check beforehand"
        )
    return existing


def print_rights(stack: str, subject: Subject) -> None:
    """Print all that an admin grants before the first `up`; no cluster is asked."""
    environment = Environment(stack)
    typer.echo(as_yaml(rights_documents(environment, existing_of(environment), subject)))


def rights_documents(environment: Environment, existing: ExistingSettings, subject: Subject) -> list[Document]:
    namespaces = environment.settings.namespaces(environment.stack)
    granted = rights_in(environment.stack, environment.settings, existing)
    granted[None] = [*granted[None], *rights_of(CLUSTER_OPTIONAL)]
    made = [] if existing.cluster_scope else namespace_documents(namespaces)
    return [*made, *role_documents(f"groundwork-{environment.stack}", granted, subject)]
