"""`groundwork stop` and `start`: the cluster's processes come and go, its data stays."""

import time
from datetime import UTC, datetime

from embedded.cluster.host import require_root
from scripts.cli.delivery import rollouts
from scripts.cli.environment import Environment
from scripts.cli.lifecycle.up import cluster_of
from scripts.cli.steps import Runner, Step, run_or_exit


def stop(stack: str) -> None:
    environment = Environment(stack)
    cluster = cluster_of(environment)
    require_root()
    step = Step(name="stop", title="Stop the cluster", run=lambda _: cluster.stop())
    _run(environment, [step], f"groundwork stop {stack}")


def start(stack: str) -> None:
    environment = Environment(stack)
    cluster = cluster_of(environment)
    require_root()
    if not environment.kubeconfig.exists():
        from modules.core.errors import UserError

        raise UserError(f"stack {stack}: nothing was brought up here yet: run `scripts/up {stack}`")
    since = None if cluster.running else datetime.now(UTC)
    steps = [
        Step(name="start", title="Start the cluster", run=cluster.start),
        Step(
            name="services",
            title="Services answer",
            run=lambda progress: rollouts.wait(environment, progress, since=since),
            needs=("start",),
        ),
    ]
    _run(environment, steps, f"groundwork start {stack}")


def _run(environment: Environment, steps: list[Step], resume: str) -> None:
    log = environment.home / "logs" / f"{steps[0].name}-{time.strftime('%Y%m%d-%H%M%S')}.log"
    run_or_exit(Runner(steps, log), resume)
