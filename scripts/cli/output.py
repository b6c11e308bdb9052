"""How the commands print: help, rows for people (whole values, that can be copied at any width), JSON for programs.

Rich is imported where rows are printed, so that `--help` starts in a moment.
"""

import json
import sys
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperGroup

from modules.core.errors import UserError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

PIPE_COLUMNS = 240
"""Width where no terminal sets one: rows stay lines, for grep and for logs."""

WHOLE = 1000
"""Characters of a command's sentence in the list of commands: more than any has."""


class Commands(TyperGroup):
    """A group whose help lists its commands with whole sentences, which plain help cuts off."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002  named as in what it overrides
        with formatter.section("Commands"):
            formatter.write_dl([(name, each.get_short_help_str(WHOLE)) for name, each in self.commands.items()])


def console(*, stderr: bool = False) -> "Console":
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr, width=None if stream.isatty() else PIPE_COLUMNS)


def note(text: str) -> None:
    """Print a line for people beside what a command prints: on standard error."""
    typer.echo(text, err=True)


def confirm(command: str) -> None:
    """Ask before data that were named are deleted. UserError where nobody says yes."""
    if not sys.stdin.isatty():
        raise UserError(f"{command}: data would be deleted and there is no terminal to ask at: pass --yes to confirm")
    if not typer.confirm("Delete it?", err=True):
        raise UserError(f"{command}: nothing was changed")


def plain_table(*columns: str) -> "Table":
    """A table without lines, that folds what is too long instead of cutting it."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def print_json(document: object) -> None:
    """JSON on standard output, for programs."""
    typer.echo(json.dumps(document, indent=2))
