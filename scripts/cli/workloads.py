"""The commands about workloads: their options, help and tables. What they do is in the files beside this one.

Those are imported when a command runs, so that `--help` starts in a moment.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from modules.core.errors import UserError

from .figures import LEAST_REQUESTS, SHARE, WINDOW
from .output import console, print_json

if TYPE_CHECKING:
    from rich.table import Table

    from .release import Outcome
    from .reproduce import Reproduction
    from .steps import Progress
    from .train import Training

WORKLOAD = Annotated[str, typer.Argument(help="Workload: a folder of workloads/ with a workload.yaml.")]
STACK = Annotated[str, typer.Option(help="Stack: an environment, stacks/Pulumi.STACK.yaml.")]
JSON = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Result = TypeVar("Result")


def register(app: typer.Typer) -> None:
    """Adds the commands to the `groundwork` application."""
    app.command(epilog="Examples: `groundwork train iris`, `groundwork train iris --stack test --json`")(train)
    app.command(
        epilog="\b\nExamples:\n  groundwork release iris\n  groundwork release iris --model-version 2\n"
        "  groundwork release iris --rank 2\n  groundwork release iris --watch"
    )(release)
    app.command(epilog="Example: `groundwork rollback iris`")(rollback)
    app.command(epilog="Example: `groundwork reproduce 1f0c...` (the id of a run, as `groundwork train` prints it)")(
        reproduce
    )


def train(workload: WORKLOAD, stack: STACK = "local", as_json: JSON = False) -> None:
    """Train a workload: a Job named by image, data and parameters. The same training is not done twice."""
    from .train import train as run

    _require(stack, workload)
    result = _follow(
        stack, f"Train {workload}", ["train", workload], lambda progress, _: run(stack, workload, progress)
    )
    _print(asdict(result), as_json, lambda: _training_table(result))


def release(
    workload: WORKLOAD,
    *,
    model_version: Annotated[
        int | None,
        typer.Option(min=1, help="Version in the model registry; the one with the alias champion if not given."),
    ] = None,
    rank: Annotated[
        int | None, typer.Option(min=1, help="The n-th best of all models that were trained; 1 is the best.")
    ] = None,
    watch: Annotated[
        bool,
        typer.Option("--watch", help="Try each new champion on a share of the requests; restore what served if worse."),
    ] = False,
    once: Annotated[bool, typer.Option("--once", help="With --watch: end when nothing is to be tried.")] = False,
    share: Annotated[
        int | None,
        typer.Option(min=1, max=99, help=f"With --watch: percent of the requests; {SHARE} if not given."),
    ] = None,
    window: Annotated[
        float | None,
        typer.Option(min=1, help=f"With --watch: seconds to observe for, at least; {WINDOW:.0f} if not given."),
    ] = None,
    requests: Annotated[
        int | None,
        typer.Option(min=1, help=f"With --watch: requests to observe, at least; {LEAST_REQUESTS} if not given."),
    ] = None,
    limit: Annotated[float | None, typer.Option(min=1, help="With --watch: end after so many seconds.")] = None,
    stack: STACK = "local",
    as_json: JSON = False,
) -> None:
    """Serve a model version: checked in the serving image, pinned, rolled out without a failed request.

    With --watch each new champion gets a share of the requests first. Exit code 1 with --once where it was not better.
    """
    if (model_version is not None) + (rank is not None) + watch > 1:
        raise UserError("--model-version, --rank and --watch say different things: give one of them")
    trial = {"--once": once or None, "--share": share, "--window": window, "--requests": requests, "--limit": limit}
    if not watch:
        _refuse_without_watch(trial)
    _require(stack, workload)
    if watch:
        from .figures import Limits
        from .watch import Options
        from .watching import watch_workload

        limits = Limits(requests=requests or LEAST_REQUESTS)
        options = Options(share=share or SHARE, window=window or WINDOW, limits=limits, until=limit)
        watch_workload(stack, workload, options, once=once, as_json=as_json)
        return
    which = {"--model-version": model_version, "--rank": rank}
    chosen = [text for option, value in which.items() if value is not None for text in (option, str(value))]

    def work(progress: "Progress", log: Path) -> "Outcome":
        from .release import release as run

        version = model_version if rank is None else _version_at(rank, stack, workload, progress)
        return run(stack, workload, version, progress, log)

    result = _follow(stack, f"Release {workload}", ["release", workload, *chosen], work)
    _print(_outcome_json(result), as_json, lambda: _outcome_table(result))


def _refuse_without_watch(options: Mapping[str, object]) -> None:
    given = [option for option, value in options.items() if value is not None]
    if given:
        raise UserError(f"{', '.join(given)}: allowed with --watch only: add --watch, or leave out what is named")


def _version_at(rank: int, stack: str, workload: str, progress: "Progress") -> int:
    from .environment import Environment
    from .rank import version_of

    return version_of(Environment(stack), workload, rank, progress)


def rollback(workload: WORKLOAD, stack: STACK = "local", as_json: JSON = False) -> None:
    """Serve again what served before the present release."""
    from .rollback import rollback as run

    _require(stack, workload)
    result = _follow(
        stack,
        f"Roll back {workload}",
        ["rollback", workload],
        lambda progress, log: run(stack, workload, progress, log),
    )
    _print(_outcome_json(result), as_json, lambda: _outcome_table(result))


def reproduce(
    run: Annotated[str, typer.Argument(help="Id of a training run, or of one of its classifiers' runs.")],
    stack: STACK = "local",
    as_json: JSON = False,
) -> None:
    """Train again from the image, data, parameters and seed that a run recorded. Exit code 1 if a metric differs."""
    from .reproduce import reproduce as train_again

    result = _follow(
        stack, f"Reproduce {run}", ["reproduce", run], lambda progress, _: train_again(stack, run, progress)
    )
    document = {**asdict(result), "same": result.same}
    _print(document, as_json, lambda: _reproduction_table(result))
    if not result.same:
        raise typer.Exit(1)


def _require(stack: str, workload: str) -> None:
    """UserError, before anything is begun, for a workload that the stack does not run."""
    from .environment import Environment
    from .train import workload_in

    workload_in(Environment(stack), workload)


def _follow(stack: str, title: str, command: list[str], work: "Callable[[Progress, Path], Result]") -> Result:
    """Does the work with live progress. On failure prints why, and ends the process."""
    from .environment import Environment
    from .steps import Runner, Step, run_or_exit

    log = Environment(stack).home / "logs" / f"{command[0]}-{time.strftime('%Y%m%d-%H%M%S')}.log"
    results: list[Result] = []
    step = Step(name=command[0], title=title, run=lambda progress: results.append(work(progress, log)))
    run_or_exit(Runner([step], log), " ".join(["groundwork", *command, "--stack", stack]))
    return results[0]


def _print(document: Mapping[str, object], as_json: bool, table: "Callable[[], Table]") -> None:
    if as_json:
        print_json(document)
    else:
        console().print(table())


def _training_table(training: "Training") -> "Table":
    from rich.table import Table

    state = "trained" if training.fresh else "nothing to do: trained before"
    title = f"{training.job}: {state}; {training.model} version {training.model_version}; run {training.run}"
    if training.verdict:
        title += f"\n{training.verdict}"
    names = sorted({name for candidate in training.candidates for name in candidate.metrics})
    table = Table("classifier", *names, "run", title=title, title_justify="left")
    for candidate in training.candidates:
        mark = " (selected)" if candidate.selected else ""
        values = [_figure(candidate.metrics.get(name)) for name in names]
        table.add_row(candidate.name + mark, *values, candidate.run)
    return table


def _outcome_json(outcome: "Outcome") -> dict[str, object]:
    pins = {"pin": outcome.pin, "former": outcome.former}
    shown = {key: pin.model_dump(mode="json", exclude={"history"}) if pin else None for key, pin in pins.items()}
    return {"workload": outcome.workload, "changed": outcome.changed, "address": outcome.address, **shown}


def _outcome_table(outcome: "Outcome") -> "Table":
    from rich.table import Table

    pin, former = outcome.pin, outcome.former
    state = "serves" if outcome.changed else "serves already: nothing to do"
    table = Table.grid(padding=(0, 2))
    table.add_row("release", f"{pin.release} of {outcome.workload}: {state}")
    table.add_row("model", f"{pin.model_name} version {pin.model_version}")
    table.add_row("digest", pin.model_digest)
    if outcome.changed:
        table.add_row("before", f"release {former.release}, version {former.model_version}" if former else "nothing")
    table.add_row("address", outcome.address or "inside the cluster only")
    return table


def _reproduction_table(reproduction: "Reproduction") -> "Table":
    from rich.table import Table

    verdict = "the same metrics" if reproduction.same else "DIFFERENT metrics"
    title = f"run {reproduction.run}, trained again as {reproduction.reproduced_by}: {verdict}"
    table = Table("classifier", "metric", "recorded", "reproduced", "", title=title, title_justify="left")
    for each in reproduction.comparisons:
        mark = "same" if each.same else "differs"
        table.add_row(each.candidate, each.metric, _exact(each.recorded), _exact(each.reproduced), mark)
    return table


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _exact(value: float | None) -> str:
    return "none" if value is None else repr(value)
