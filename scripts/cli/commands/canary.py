"""`groundwork canary`."""

from typing import Annotated

import typer

from scripts.cli import running
from scripts.cli.delivery.canary_metrics import MIN_DURATION, MIN_REQUESTS, WEIGHT
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
    ] = WEIGHT,
    min_duration: Annotated[float, typer.Option(min=1, help="Seconds to observe it for, at least.")] = MIN_DURATION,
    requests: Annotated[int, typer.Option(min=1, help="Requests to observe, at least.")] = MIN_REQUESTS,
    timeout: Annotated[
        float | None, typer.Option(min=1, help="Seconds after which the command ends; never if not given.")
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="End when there is no new champion to try.")] = False,
    stack: StackOption = "local",
    as_json: Json = False,
) -> None:
    """Try each new champion on a share of the requests: promote it, or restore what served where it is worse. A new
    serving image is tried so with the champion that serves.

    Runs until Ctrl-C. With --once the exit code is 1 where what served was restored.
    """
    running.require_workload(stack, workload)

    from scripts.cli.delivery.canary import CanaryOptions
    from scripts.cli.delivery.canary_metrics import Limits
    from scripts.cli.delivery.canary_session import run_session

    options = CanaryOptions(
        weight=weight, min_duration=min_duration, limits=Limits(min_requests=requests), timeout=timeout
    )
    run_session(stack, workload, options, once=once, as_json=as_json)
