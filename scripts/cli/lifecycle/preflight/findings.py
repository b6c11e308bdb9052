"""What a check found, and how it is printed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from scripts.cli.clients.api import Api
from scripts.cli.environment import Environment
from stacks.foundation.existing_settings import ExistingSettings

if TYPE_CHECKING:
    from rich.table import Table

State = Literal["ok", "warning", "not known", "refused"]
KEY = "groundwork:foundation"
STYLES: Mapping[State, str] = {"ok": "green", "warning": "yellow", "not known": "yellow", "refused": "red"}


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One answer of a check."""

    check: str
    """What was checked, for people."""
    state: State
    """refused: the platform can't be brought up so. warning: it can, and something is missing then."""
    detail: str
    action: str = ""
    """What to do; empty where nothing is."""
    documents: tuple[Mapping[str, Any], ...] = ()
    """Kubernetes objects that the cluster's admin applies for it."""

    def __str__(self) -> str:
        return f"{self.check}: {self.detail}{': ' + self.action if self.action else ''}"


@dataclass(frozen=True)
class Context:
    """What checks are given."""

    environment: Environment
    existing: ExistingSettings
    api: Api

    @property
    def stack(self) -> str:
        return self.environment.stack

    @cached_property
    def namespaces(self) -> list[str]:
        return self.environment.settings.namespaces(self.stack)


def refused(findings: Sequence[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.state == "refused"]


def documents(findings: Sequence[Finding]) -> list[Mapping[str, Any]]:
    """Return all that the cluster's admin is asked to apply."""
    return [document for finding in findings for document in finding.documents]


def as_yaml(found: Sequence[Mapping[str, Any]]) -> str:
    import yaml

    return yaml.safe_dump_all(found, sort_keys=False)


def json_rows(findings: Sequence[Finding]) -> list[dict[str, str]]:
    return [
        {"check": each.check, "state": each.state, "detail": each.detail, "action": each.action} for each in findings
    ]


def table(findings: Sequence[Finding]) -> "Table":
    from rich.text import Text

    from scripts.cli.output import plain_table

    rows = plain_table("check", "state", "what was found", "what to do")
    for each in findings:
        rows.add_row(each.check, Text(each.state, style=STYLES[each.state]), each.detail, each.action)
    return rows
