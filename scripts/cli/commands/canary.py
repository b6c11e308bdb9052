"""`groundwork canary`."""

from typing import Annotated

import typer

from scripts.cli import running
from scripts.cli.delivery.figures import LEAST_REQUESTS, SHARE, WINDOW
from scripts.cli.options import Json, StackOption, Workload

EXAMPLES = (
    "\b\nExamples:\n  groundwork canary iris\n  groundwork canary iris --once --timeout 1800\n"
    "  groundwork canary iris --weight 20 --min-duration 300 --requests 1000"
)


def canary(
    workload: Workload,
    *,
    weight: Annotated[
        int, typer.Option(min=1, max=99, help="Percent of the requests that a new champion gets.")
    ] = SHARE,
    min_duration: Annotated[float, typer.Option(min=1, help="Seconds to observe it for, at least.")] = WINDOW,
    requests: Annotated[int, typer.Option(min=1, help="Requests to observe, at least.")] = LEAST_REQUESTS,
    timeout: Annotated[
        float | None, typer.Option(min=1, help="Seconds after which the command ends; never if not given.")
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="End when there is no new champion to try.")] = False,
    stack: StackOption = "local",
    as_json: Json = False,
) -> None:
    """Try each new champion on a share of the requests: promote it, or restore what served where it is worse.

    Runs until Ctrl-C. With --once the exit code is 1 where what served was restored.
    """
    running.require_workload(stack, workload)

    from scripts.cli.delivery.figures import Limits
    from scripts.cli.delivery.watch import Options
    from scripts.cli.delivery.watching import watch_workload

    options = Options(share=weight, window=min_duration, limits=Limits(requests=requests), until=timeout)
    watch_workload(stack, workload, options, once=once, as_json=as_json)
