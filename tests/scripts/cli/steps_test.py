import io
import threading
from pathlib import Path

import pytest
from rich.console import Console

from modules.core.errors import UserError
from scripts.cli.steps import Progress, Runner, Step, up_to


def runner(tmp_path: Path, *steps: Step) -> Runner:
    return Runner(steps, tmp_path / "logs" / "run.log", Console(file=io.StringIO(), width=200))


def nothing(progress: Progress) -> None:
    progress("at it")


def test_a_step_starts_only_after_those_it_needs(tmp_path: Path) -> None:
    order: list[str] = []
    steps = [
        Step(name="last", title="Last", run=lambda _: order.append("last"), needs=("first", "second")),
        Step(name="second", title="Second", run=lambda _: order.append("second"), needs=("first",)),
        Step(name="first", title="First", run=lambda _: order.append("first")),
    ]
    runner(tmp_path, *steps).run()
    assert order == ["first", "second", "last"]


def test_independent_steps_run_side_by_side(tmp_path: Path) -> None:
    met = threading.Barrier(2, timeout=5)
    steps = [Step(name=name, title=name, run=lambda _: void(met.wait())) for name in ("a", "b")]
    runner(tmp_path, *steps).run()
    assert {step.state for step in steps} == {"done"}


def void(_: object) -> None:
    return None


def test_a_failure_stops_what_needs_it_and_is_raised(tmp_path: Path) -> None:
    def fail(_: Progress) -> None:
        raise UserError("disk: full")

    steps = [
        Step(name="bad", title="Bad", run=fail),
        Step(name="after", title="After", run=nothing, needs=("bad",)),
    ]
    with pytest.raises(UserError, match="disk: full"):
        runner(tmp_path, *steps).run()
    assert [step.state for step in steps] == ["failed", "skipped"]


def test_a_step_that_needs_what_is_not_there_is_refused_before_anything_is_begun(tmp_path: Path) -> None:
    begun: list[str] = []
    first = Step(name="images", title="Images", run=lambda _: begun.append("images"))
    last = Step(name="release", title="Release", run=nothing, needs=("imagse",))
    with pytest.raises(ValueError, match="step 'release' needs step 'imagse', which is none of these: images, release"):
        runner(tmp_path, first, last).run()
    assert begun == []


def test_steps_that_need_each_other_are_refused(tmp_path: Path) -> None:
    steps = [Step(name=name, title=name, run=nothing, needs=(other,)) for name, other in ("ab", "ba")]
    with pytest.raises(ValueError, match="in a circle"):
        runner(tmp_path, *steps).run()


def test_two_steps_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="each must have its own: a, a"):
        runner(tmp_path, *(Step(name="a", title="A", run=nothing) for _ in range(2))).run()


def test_a_step_is_picked_with_all_that_it_needs_and_nothing_else() -> None:
    needs = {"a": (), "b": ("a",), "c": ("b",), "d": ("a",), "e": ("d", "b")}
    steps = [Step(name=name, title=name, run=nothing, needs=needed) for name, needed in needs.items()]
    assert [step.name for step in up_to(steps, "c")] == ["a", "b", "c"]
    assert [step.name for step in up_to(steps, "e")] == ["a", "b", "d", "e"]


def test_a_step_that_is_not_there_can_not_be_picked() -> None:
    with pytest.raises(ValueError, match="asked for step 'platfrom', which is none of these: platform"):
        up_to([Step(name="platform", title="Platform", run=nothing)], "platfrom")


def test_the_log_tells_the_whole_story_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    run = runner(tmp_path, Step(name="one", title="One thing", run=nothing))
    run.run()
    text = run.log.read_text()
    assert "== One thing" in text
    assert "one: at it" in text
    assert run.log.stat().st_mode & 0o777 == 0o600


def test_without_a_terminal_each_step_is_a_line(tmp_path: Path) -> None:
    run = runner(tmp_path, Step(name="one", title="One thing", run=nothing))
    run.run()
    output = run.console.file
    assert isinstance(output, io.StringIO)
    assert "… One thing\n" in output.getvalue()
    assert "✓ One thing (0.0 s) at it\n" in output.getvalue()


@pytest.mark.parametrize(("terminal", "redrawn"), [("dumb", False), ("unknown", False), ("", False), ("xterm", True)])
def test_a_terminal_that_can_not_move_its_cursor_gets_lines_too(
    terminal: str, redrawn: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", terminal)
    screen = io.StringIO()
    console = Console(file=screen, width=200, force_terminal=True, color_system=None)
    Runner([Step(name="one", title="One thing", run=nothing)], tmp_path / "run.log", console).run()
    assert ("… One thing\n" in screen.getvalue()) is not redrawn
    assert ("\x1b[" in screen.getvalue()) is redrawn
