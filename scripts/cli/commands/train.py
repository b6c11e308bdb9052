"""`groundwork train`."""

from dataclasses import asdict
from typing import TYPE_CHECKING

from scripts.cli import running
from scripts.cli.options import Json, StackOption, Workload

if TYPE_CHECKING:
    from rich.table import Table

    from scripts.cli.delivery.train import Training

EXAMPLES = "Examples: `groundwork train iris`, `groundwork train iris --stack test --json`"


def train(workload: Workload, stack: StackOption = "local", as_json: Json = False) -> None:
    """Train a workload: a Job named by image, data and parameters. The same training is not done twice."""
    from scripts.cli.delivery.train import train as run

    running.require_workload(stack, workload)
    result = running.follow(
        stack, f"Train {workload}", ["train", workload], lambda progress, _: run(stack, workload, progress)
    )
    running.print_result(asdict(result), as_json, lambda: _training_table(result))


def _training_table(training: "Training") -> "Table":
    from rich.table import Table

    state = "trained" if training.fresh else "nothing to do: trained before"
    title = f"{training.job}: {state}; {training.model} version {training.model_version}; run {training.run}"
    if training.format != "onnx":
        title += f"\nit has no ONNX form: it is served from {training.format}"
    if training.verdict:
        title += f"\n{training.verdict}"
    names = sorted({name for candidate in training.candidates for name in candidate.metrics})
    table = Table("classifier", *names, "run", title=title, title_justify="left")
    for candidate in training.candidates:
        mark = " (selected)" if candidate.selected else ""
        values = [_figure(candidate.metrics.get(name)) for name in names]
        table.add_row(candidate.name + mark, *values, candidate.run)
    return table


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
