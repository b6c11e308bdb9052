"""How the commands show rows: whole values, that can be copied, at any width."""

import sys

from rich.console import Console
from rich.table import Table

PIPE_COLUMNS = 240
"""Width where no terminal sets one: rows stay lines, for grep and for logs."""


def console(*, stderr: bool = False) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr, width=None if stream.isatty() else PIPE_COLUMNS)


def plain_table(*columns: str) -> Table:
    """A table without lines, that folds what is too long instead of cutting it."""
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table
