from typing import Any

import pytest

from scripts.cli import candidate, preview, up
from scripts.cli.steps import check_order, up_to
from tests.scripts.cli.fakes import always, refused, settings, stack

NO_SIMULATED_NODE: dict[str, Any] = {"groundwork:foundation": {"simulated_nodes": 0}}


@pytest.fixture(autouse=True)
def no_pins(monkeypatch: pytest.MonkeyPatch) -> None:
    none: dict[str, object] = {}
    for name in ("read_releases", "read_images"):
        monkeypatch.setattr(up, name, always(none))


def test_what_can_run_nowhere_is_refused_before_anything_is_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = stack(monkeypatch, settings(**NO_SIMULATED_NODE))
    assert "groundwork:foundation.simulated_nodes is 0" in refused(lambda: up.check_settings(environment))


def test_without_jenkins_no_simulated_node_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    left_out: dict[str, Any] = {**NO_SIMULATED_NODE, "groundwork:jenkins": {"enabled": False}}
    up.check_settings(stack(monkeypatch, settings(**left_out)))


def test_a_preview_runs_what_changes_nothing_and_new_code_what_brings_it_in(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = up.Up(stack(monkeypatch)).steps()
    check_order(steps)
    before = ["host", "toolchain", "cluster", "images"]
    assert [step.name for step in up_to(steps, preview.BEFORE_PLATFORM)] == before
    assert [step.name for step in up_to(steps, candidate.PLATFORM)] == [*before, "platform"]
