"""`groundwork reproduce`."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from scripts.cli import running
from scripts.cli.options import Json, StackOption

if TYPE_CHECKING:
    from rich.table import Table

    from scripts.cli.delivery.reproduce import Reproduction

EXAMPLES = "Example: `groundwork reproduce 1f0c...` (the id of a run, as `groundwork train` prints it)"


def reproduce(
    run: Annotated[str, typer.Argument(help="Id of a training run, or of one of its classifiers' runs.")],
    stack: StackOption = "local",
    as_json: Json = False,
) -> None:
    """Train again from the image, data, parameters and seed that a run recorded. Exit code 1 if a metric differs."""
    from scripts.cli.delivery.reproduce import reproduce as train_again

    result = running.follow(
        stack, f"Reproduce {run}", ["reproduce", run], lambda progress, _: train_again(stack, run, progress)
    )
    document = {**asdict(result), "same": result.same}
    running.print_result(document, as_json, lambda: _reproduction_table(result))
    if not result.same:
        raise typer.Exit(1)


def _reproduction_table(reproduction: "Reproduction") -> "Table":
    from rich.table import Table

    verdict = "the same metrics" if reproduction.same else "DIFFERENT metrics"
    title = f"run {reproduction.run}, trained again as {reproduction.reproduced_by}: {verdict}"
    table = Table("classifier", "metric", "recorded", "reproduced", "", title=title, title_justify="left")
    for each in reproduction.comparisons:
        mark = "same" if each.same else "differs"
        table.add_row(each.candidate, each.metric, _exact(each.recorded), _exact(each.reproduced), mark)
    return table


def _exact(value: float | None) -> str:
    return "none" if value is None else repr(value)
