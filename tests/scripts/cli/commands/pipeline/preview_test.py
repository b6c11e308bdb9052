from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from scripts.cli.commands.pipeline import preview as command
from scripts.cli.commands.pipeline.preview import LONGEST, markdown, summary, with_unbuilt
from scripts.cli.steps import Step
from tests.scripts.cli.fakes import always, quiet

URN = "urn:pulumi:test::groundwork::groundwork:jenkins:Jenkins$kubernetes:apps/v1:StatefulSet::jenkins-server"
SECRET = "the-generated-password"


def step(op: str, urn: str = URN, **more: Any) -> dict[str, Any]:
    state = {"inputs": {"data": {"password": SECRET}}, "outputs": {"data": SECRET}}
    return {"op": op, "urn": urn, "newState": state, "oldState": state, **more}


def preview(*steps: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"steps": list(steps), "changeSummary": {"same": 3, "update": 1}, **more}


def test_a_row_tells_the_resource_and_the_places_of_its_changes() -> None:
    diff: dict[str, Any] = {
        "spec.template.spec.volumes[1].configMap.name": {},
        'data["jenkins.yaml"]': {},
        "spec.replicas": {},
    }
    text = markdown("test", preview(step("update", detailedDiff=diff)))
    row = "| ~ | `jenkins-server` | kubernetes:apps/v1:StatefulSet "
    assert f"{row}| `data`, `spec.replicas`, `spec.template.spec.volumes` |" in text
    assert text.startswith("<!-- groundwork preview test -->\n### Preview of `test`: 1 to update, 3 unchanged\n")


def test_no_value_is_ever_shown() -> None:
    steps = [step(op, detailedDiff={"data.password": {}}) for op in ("create", "update", "replace", "delete", "same")]
    assert SECRET not in markdown("test", preview(*steps))


@pytest.mark.parametrize(
    ("op", "mark"),
    [("create", "+"), ("update", "~"), ("replace", "±"), ("delete", "-"), ("import", "import"), ("read", "read")],
)
def test_every_kind_of_change_has_its_mark(op: str, mark: str) -> None:
    assert f"| {mark} | `jenkins-server` |" in markdown("test", preview(step(op)))


@pytest.mark.parametrize("op", ["same", "create-replacement", "delete-replaced", "discard"])
def test_what_is_no_change_of_its_own_has_no_row(op: str) -> None:
    assert "jenkins-server" not in markdown("test", preview(step(op)))


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ({"same": 70}, "nothing changes, 70 unchanged"),
        ({"same": 1, "create": 2, "delete": 1}, "2 to create, 1 to delete, 1 unchanged"),
        ({}, "nothing changes, 0 unchanged"),
    ],
)
def test_the_title_counts(counts: dict[str, int], words: str) -> None:
    assert summary({"changeSummary": counts}) == words


def test_warnings_and_errors_are_told_in_plain_words() -> None:
    notes = [
        {"severity": "warning", "message": "<{%reset%}>would be\nrefused<{%reset%}>"},
        {"severity": "info", "message": "hello"},
    ]
    text = markdown("test", preview(diagnostics=notes))
    assert "> **warning**: would be refused\n" in text
    assert "hello" not in text


def test_images_that_are_built_after_the_preview_are_named_with_what_that_changes() -> None:
    assert with_unbuilt(preview(), []) == preview()
    text = markdown("test", with_unbuilt(preview(diagnostics=None), ["base", "mlflow"]))
    assert "`scripts/up` builds and pushes first, with other digests than shown here: base, mlflow\n" in text


def test_a_long_preview_is_cut_between_rows_and_says_so() -> None:
    many = [step("create", urn=f"{URN}-{number}") for number in range(3000)]
    text = markdown("test", preview(*many))
    assert LONGEST - 300 < len(text) <= LONGEST
    shown = text.count("| + |")
    assert f"… and {3000 - shown} more: `pulumi preview` shows them." in text


def test_a_preview_with_long_warnings_is_cut_too() -> None:
    notes = [{"severity": "warning", "message": "x" * 1000}] * 200
    assert len(markdown("test", preview(step("update"), diagnostics=notes))) <= LONGEST
    assert len(markdown("test", preview(diagnostics=notes))) <= LONGEST


def test_no_preview_is_made_without_the_steps_before_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    renamed = [Step(name="pictures", title="Images", run=lambda _: quiet(""))]
    up = SimpleNamespace(steps=lambda: renamed, log=tmp_path / "log", before_preview="images")
    monkeypatch.setattr(command, "prepare", always(up))
    with pytest.raises(ValueError, match="'images', which is none of these: pictures"):
        command.run("test", tmp_path / "preview.md")
