"""Reads the events that the engine writes while it works (`--json`): `apitype.EngineEvent` as JSON, one a line.

The Automation API reads the same events; importing it would cost every `scripts/up` 0.3 s.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from scripts.cli.clients import urns
from scripts.cli.steps import Progress

Event = Mapping[str, Any]
UNCHANGED = frozenset({"same", "read", "read-discard", "read-replacement"})
VERBS = {
    "create": ("creating", "created"),
    "create-replacement": ("creating a replacement", "replacement created"),
    "delete": ("deleting", "deleted"),
    "delete-replaced": ("deleting what was replaced", "deleted what was replaced"),
    "import": ("importing", "imported"),
    "refresh": ("refreshing", "refreshed"),
    "replace": ("replacing", "replaced"),
    "update": ("updating", "updated"),
}
"""By operation: while it goes on, and once it is done."""
NO_CAUSE = ("update failed", "preview failed", "Resource monitor has terminated, shutting down")
"""Errors that say no more than that the run failed."""


@dataclass(kw_only=True)
class Events:
    """What became known of one run so far."""

    progress: Progress
    """Receives a line about what is being done."""
    log: Progress
    """Receives what is longer than that, or about no resource."""
    text: list[str] = field(default_factory=list[str])
    """What the engine printed beside its events, such as why it did not even begin."""
    errors: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    """By resource, in the order in which they were reported; "" for those of the run as a whole."""
    broken_policies: list[str] = field(default_factory=list[str])
    changes: dict[str, int] = field(default_factory=dict[str, int])
    """Number of resources by operation."""
    is_preview: bool = False

    def read(self, line: str) -> None:
        """Take in one line of the engine's output."""
        event = _parse(line)
        if event is None:
            self.text.append(line.rstrip())
            self.log(line.rstrip())
            return
        for name, handle in (
            ("resourcePreEvent", self._begun),
            ("resOutputsEvent", self._ended),
            ("resOpFailedEvent", self._failed),
            ("diagnosticEvent", self._diagnosed),
            ("policyEvent", self._policy),
            ("summaryEvent", self._summed_up),
        ):
            if name in event:
                handle(event[name])

    def summary(self) -> str:
        """The number of resources by what was done with them, on one line."""
        counts = [
            f"{count} {f'to {operation}' if self.is_preview else _verbs(operation)[1]}"
            for operation, count in self.changes.items()
            if operation not in UNCHANGED
        ]
        same = self.changes.get("same", 0)
        return ", ".join([*counts, *([f"{same} unchanged"] if same else [])])

    def problems(self) -> str:
        """What went wrong: broken policies, then errors by resource; all that was printed, where it holds no cause."""
        sections = ["Policies:", *map(_indent, self.broken_policies)] if self.broken_policies else []
        for resource, messages in self.errors.items():
            causes = "\n".join(message for message in messages if message not in NO_CAUSE)
            if causes:
                sections.append(f"{resource}:\n{_indent(causes)}" if resource else causes)
        everything = [*self.text, *(message for messages in self.errors.values() for message in messages)]
        return "\n".join(sections or filter(None, everything))

    def _begun(self, event: Event) -> None:
        step = event["metadata"]
        self._report_step(step, step["op"] if event.get("planning") else _verbs(step["op"])[0])

    def _ended(self, event: Event) -> None:
        if not event.get("planning"):
            self._report_step(event["metadata"], _verbs(event["metadata"]["op"])[1])

    def _report_step(self, step: Event, verb: str) -> None:
        if step["op"] not in UNCHANGED and step["type"] != "pulumi:pulumi:Stack":
            self.progress(f"{urns.parse(step['urn']).name}: {verb}")

    def _failed(self, event: Event) -> None:
        step = event["metadata"]
        self.progress(f"{urns.parse(step['urn']).name}: {step['op']} failed")

    def _diagnosed(self, event: Event) -> None:
        message, urn = event["message"].strip(), event.get("urn", "")
        if not message or event["severity"] == "debug":
            return
        if event["severity"] == "error" and not event.get("ephemeral"):
            self.errors.setdefault(_described(urn), []).append(message)
        first, *more = message.splitlines()
        if urn:
            self.progress(f"{urns.parse(urn).name}: {first}")
        if more or not urn:
            self.log(message)

    def _policy(self, event: Event) -> None:
        what = f"[{event['enforcementLevel']}] {event['policyName']}"
        resource = event.get("resourceUrn", "")
        heading = f"{what} ({_described(resource)})" if resource else what
        self.log(f"{heading}: {event['message'].strip()}")
        if event["enforcementLevel"] == "mandatory":
            self.broken_policies.append(f"{heading}\n{_indent(event['message'].strip())}")

    def _summed_up(self, event: Event) -> None:
        self.changes, self.is_preview = event["resourceChanges"], event["isPreview"]


def _parse(line: str) -> Event | None:
    """The event in a line of the engine's output; None where the line is none."""
    if not line.startswith("{"):
        return None
    try:
        return json.loads(line)
    except ValueError:
        return None


def _verbs(operation: str) -> tuple[str, str]:
    return VERBS.get(operation, (operation, operation))


def _described(urn: str) -> str:
    """Type and name of a resource, as the engine's own display writes them; empty for the run as a whole."""
    if not urn or "::pulumi:pulumi:Stack::" in urn:
        return ""
    kind, name = urns.parse(urn)
    return f"{kind} ({name})"


def _indent(text: str) -> str:
    return "\n".join(f"  {line}".rstrip() for line in text.splitlines())
