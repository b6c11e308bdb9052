import os
import sys
from pathlib import Path

import pytest

from scripts.cli.bench import EMPTY, Command, Run, commands, document, measure, table
from tests.scripts.cli.fakes import refused


def test_every_figure_stands_beside_the_empty_program() -> None:
    figures = document({EMPTY: [Run(1, 0.5), Run(3, 0.5), Run(2, 0.7)], "slow": [Run(5, 4.0)]})
    assert figures["slow"] == {"seconds": [5], "median": 5, "cpu": 4.0, "ratio": 2.5}
    assert figures[EMPTY]["median"] == 2
    assert table(figures).splitlines()[-1].split() == ["slow", "5.00", "4.00", "2.50"]


def test_what_a_command_starts_is_counted_with_it() -> None:
    busy = "import time; begin = time.process_time()\nwhile time.process_time() - begin < 0.3: pass"
    found = measure(Command("busy", ("sh", "-c", f"'{sys.executable}' -c '{busy}'; sleep 0.3")), dict(os.environ))
    assert found.seconds > found.cpu > 0.29


def test_a_command_that_fails_has_no_time() -> None:
    message = refused(lambda: measure(Command("bad", ("sh", "-c", "echo why >&2; exit 3")), dict(os.environ)))
    assert message == "`sh -c echo why >&2; exit 3` failed:\nwhy\n"


def test_nothing_that_is_measured_changes_the_stack(tmp_path: Path) -> None:
    allowed = {"preview", "scripts/up", "status", "--help", "cluster"}
    assert all(allowed & set(command.arguments) for command in commands("local", tmp_path))


def test_what_is_made_to_be_measured_is_removed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    (start,) = (command for command in commands("local", tmp_path) if "cluster" in command.arguments)
    assert start.undone_by == ("groundwork", "cluster", "delete", start.arguments[-1], "--yes")
    made = tmp_path / "made"
    measure(Command("make", ("touch", str(made)), undone_by=("rm", str(made))), dict(os.environ))
    assert not made.exists()
