"""Events as `pulumi ... --json` of the pinned release wrote them, shortened to what is read."""

import json
from collections.abc import Sequence

import pytest

from scripts.cli.clients.events import Event, Events

STACK = "urn:pulumi:dev::groundwork::pulumi:pulumi:Stack::groundwork-dev"
WEB = "urn:pulumi:dev::groundwork::groundwork:Workload$kubernetes:apps/v1:Deployment::web"


def step(kind: str, operation: str, urn: str = WEB, **more: object) -> Event:
    return {kind: {"metadata": {"op": operation, "urn": urn, "type": urn.split("::")[2].rpartition("$")[2]}, **more}}


def note(message: str, severity: str = "info", **more: object) -> Event:
    return {"diagnosticEvent": {"message": message, "severity": severity, "color": "never", **more}}


def summed_up(*, is_preview: bool = False, **changes: int) -> Event:
    return {"summaryEvent": {"resourceChanges": changes, "isPreview": is_preview, "durationSeconds": 1}}


def read(*events: Event | str) -> tuple[Events, list[str], list[str]]:
    """What became of these lines: the result, the lines of progress, and those of the log."""
    progress, log = list[str](), list[str]()
    result = Events(progress=progress.append, log=log.append)
    for event in events:
        result.read(event if isinstance(event, str) else json.dumps(event) + "\n")
    return result, progress, log


def begun(operation: str, urn: str = WEB) -> Event:
    return step("resourcePreEvent", operation, urn)


def ended(operation: str) -> Event:
    return step("resOutputsEvent", operation)


PROGRESS: list[tuple[list[Event], list[str]]] = [
    ([begun("create"), ended("create")], ["web: creating", "web: created"]),
    ([begun("replace"), ended("replace")], ["web: replacing", "web: replaced"]),
    ([begun("delete"), step("resOpFailedEvent", "delete")], ["web: deleting", "web: delete failed"]),
    ([step(kind, "update", planning=True) for kind in ("resourcePreEvent", "resOutputsEvent")], ["web: update"]),
    ([begun("same"), ended("same"), begun("read")], []),
    ([begun("create", STACK)], []),
    ([note("Waiting (0/1 Pods)\n", urn=WEB, ephemeral=True)], ["web: Waiting (0/1 Pods)"]),
    ([note("\n", urn=WEB, ephemeral=True), note("pulled\n", "debug", urn=WEB)], []),
    ([{"preludeEvent": {"config": {}}}, {"cancelEvent": {}}, {"an event of tomorrow": 1}], []),
]


@pytest.mark.parametrize(("events", "lines"), PROGRESS)
def test_progress_tells_what_is_done_to_which_resource_and_nothing_else(
    events: Sequence[Event], lines: Sequence[str]
) -> None:
    assert read(*events)[1] == lines


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (summed_up(same=154), "154 unchanged"),
        (summed_up(create=2, update=1, same=3), "2 created, 1 updated, 3 unchanged"),
        (summed_up(create=2, same=3, is_preview=True), "2 to create, 3 unchanged"),
        (summed_up(read=4), ""),
        (summed_up(), ""),
    ],
)
def test_the_summary_counts_resources_by_what_was_done(event: Event, line: str) -> None:
    assert read(event)[0].summary() == line


def test_what_went_wrong_is_listed_by_resource_without_the_engines_own_last_words() -> None:
    result, progress, log = read(
        step("resourcePreEvent", "create"),
        note("[MinimumReplicasUnavailable] not there yet\n", "warning", urn=WEB, ephemeral=True),
        note("2 errors occurred:\n\t* timed out\n\t* no pod\n\n", "error", urn=WEB),
        note("update failed\n", "error"),
        summed_up(create=1),
        note("Resource monitor has terminated, shutting down\n", "error"),
    )
    expected = "kubernetes:apps/v1:Deployment (web):\n  2 errors occurred:\n  \t* timed out\n  \t* no pod"
    assert result.problems() == expected
    assert progress[-1] == "web: 2 errors occurred:"
    assert "2 errors occurred:\n\t* timed out\n\t* no pod" in log


def test_a_program_that_fails_is_shown_as_it_reported() -> None:
    result, _, _ = read(
        note("Program failed:\nValueError: x\n\n", "error", urn=STACK), note("update failed\n", "error")
    )
    assert result.problems() == "Program failed:\nValueError: x"


def test_broken_policies_come_first_and_advice_is_no_problem() -> None:
    policy = {"policyName": "images", "message": "By digest.\nweb: not so\n", "resourceUrn": WEB}
    advice = {"policyName": "pods", "message": "Better so.\n", "enforcementLevel": "advisory"}
    result, _, log = read(
        {"policyEvent": {**policy, "enforcementLevel": "mandatory"}},
        {"policyEvent": advice},
        note("preview failed\n", "error"),
    )
    expected = "Policies:\n  [mandatory] images (kubernetes:apps/v1:Deployment (web))\n    By digest.\n    web: not so"
    assert result.problems() == expected
    assert "[advisory] pods: Better so." in log


def test_an_engine_that_did_not_begin_is_quoted() -> None:
    result, _, log = read("error: no stack named 'nope' found\n")
    assert result.problems() == "error: no stack named 'nope' found"
    assert log == ["error: no stack named 'nope' found"]


def test_a_run_that_reports_no_cause_says_at_least_that_it_failed() -> None:
    assert read(note("update failed\n", "error"))[0].problems() == "update failed"


def test_a_line_that_only_looks_like_an_event_is_text() -> None:
    result, _, _ = read("{half an event\n")
    assert result.problems() == "{half an event"
