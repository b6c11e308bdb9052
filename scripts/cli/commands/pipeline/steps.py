"""The steps of the pipelines, for Jenkins and GitHub Actions alike: their options and help.

What a step leaves for a later one lies below .pipeline/, where the build servers find it too.
"""

import typer

from modules.core.paths import REPOSITORY
from scripts.cli.options import StackArgument, Workload
from scripts.cli.output import Commands

FOLDER = REPOSITORY / ".pipeline"
PREVIEW = FOLDER / "preview.md"
CANDIDATE = FOLDER / "candidate.json"

app = typer.Typer(cls=Commands, no_args_is_help=True, help="Run one step of the pipelines, as the build servers do.")


@app.command()
def preview(stack: StackArgument) -> None:
    """Build the images, ask the engine what would change, and write it as Markdown. Changes nothing that runs."""
    from scripts.cli.commands.pipeline.preview import run

    run(stack, PREVIEW)


@app.command()
def comment() -> None:
    """Put the preview on the pull request CHANGE_URL, as GITHUB_TOKEN: one comment, which later previews replace."""
    from scripts.cli.commands.pipeline.comment import run

    run(PREVIEW)


@app.command()
def policies(stack: StackArgument) -> None:
    """Check planned changes against the policy pack of this repository. Exit code 1 if one is broken."""
    from scripts.cli.commands.pipeline.preview import check_policies

    check_policies(stack)


@app.command("test-code")
def test_code() -> None:
    """Lint, types and unit tests of the workloads."""
    from scripts.cli.commands.pipeline.workload_tests import code

    code()


@app.command("test-data")
def test_data(workload: Workload) -> None:
    """Check the workload's data set against its schema."""
    from scripts.cli.commands.pipeline.workload_tests import run_workload_tests

    run_workload_tests(workload, "data")


@app.command("test-model")
def test_model(workload: Workload) -> None:
    """Train the workload's models right here and check what any model of it must do."""
    from scripts.cli.commands.pipeline.workload_tests import run_workload_tests

    run_workload_tests(workload, "model")


@app.command()
def train(workload: Workload, stack: StackArgument) -> None:
    """Bring the training code into the environment and train there; write the candidate for the next steps."""
    from scripts.cli.commands.pipeline.candidate import train as run

    run(stack, workload, CANDIDATE)


@app.command()
def evaluate(workload: Workload, stack: StackArgument) -> None:
    """Compare the candidate with what serves, on the same held-out data. Exit code 1 if it is worse."""
    from scripts.cli.commands.pipeline.candidate import evaluate as run

    run(stack, workload, CANDIDATE)


@app.command()
def release(workload: Workload, stack: StackArgument) -> None:
    """Release the candidate, as `groundwork release` does."""
    from scripts.cli.commands.pipeline.candidate import release as run

    run(stack, workload, CANDIDATE)


@app.command()
def rollout(workload: Workload, stack: StackArgument) -> None:
    """Try a new champion beside what serves: `groundwork canary --once`. Exit code 1 if it is worse."""
    from scripts.cli.delivery.canary_session import rollout as run

    run(stack, workload)
