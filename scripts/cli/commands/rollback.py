"""`groundwork rollback`."""

from scripts.cli import running
from scripts.cli.commands.outcome import outcome_json, outcome_table
from scripts.cli.options import Json, StackOption, Workload

EXAMPLES = "Example: `groundwork rollback iris`"


def rollback(workload: Workload, stack: StackOption = "local", as_json: Json = False) -> None:
    """Serve again what served before the current release, in the image that it ran in."""
    from scripts.cli.delivery.rollback import rollback as run

    running.require_workload(stack, workload)
    result = running.follow(
        stack,
        f"Roll back {workload}",
        ["rollback", workload],
        lambda progress, log: run(stack, workload, progress, log),
    )
    running.print_result(outcome_json(result), as_json, lambda: outcome_table(result))
