"""The tests of training code: of the code, of the data's schema, of the models."""

import os
import subprocess
from collections.abc import Sequence

from modules.core.errors import UserError
from modules.core.paths import REPOSITORY
from workloads import catalog

TESTS = REPOSITORY / "tests" / "workloads"
CODE = (
    ("ruff", "check", "workloads", "tests/workloads"),
    ("basedpyright", "workloads", "tests/workloads"),
    # As in scripts/check: what is heavy measures a machine on which nothing else runs.
    ("pytest", "-q", "-m", "not integration and not heavy", "tests/workloads"),
)


def code() -> None:
    for command in CODE:
        run(command)


def run_workload_tests(name: str, subject: str) -> None:
    """Run tests/workloads/<name>/<subject>_test.py. Raise UserError where there are no such tests."""
    catalog.load(name)
    path = TESTS / name / f"{subject}_test.py"
    if not path.exists():
        raise UserError(
            f"workload {name}: {path.relative_to(REPOSITORY)} is not there: write the tests of its {subject}; "
            f"tests/workloads/iris/{subject}_test.py is the one to imitate"
        )
    run(("pytest", "-q", str(path.relative_to(REPOSITORY))))


def run(command: Sequence[str]) -> None:
    """UserError with the command when it fails; what it says is on the screen already."""
    print(f"$ {' '.join(command)}", flush=True)
    done = subprocess.run(command, cwd=REPOSITORY, env=os.environ, check=False)
    if done.returncode != 0:
        raise UserError(f"`{' '.join(command)}` failed (exit code {done.returncode}): see its output above")
