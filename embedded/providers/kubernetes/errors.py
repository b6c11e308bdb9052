"""What an API server, or the way to it, says no with."""

import json
import re

from embedded.providers.base import Object, ProviderError

PASSING = frozenset({429, 500, 502, 503, 504})
OWNED = re.compile(r'conflict with "(?P<manager>[^"]+)"(?: with subresource "(?P<part>[^"]+)")?')


class ApiError(Exception):
    """An error answer: the HTTP status, the Status object's reason, message and causes."""

    def __init__(self, status: int, reason: str, message: str, details: Object | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.message = message
        self.details = details or {}

    @classmethod
    def parse(cls, status: int, body: bytes) -> "ApiError":
        try:
            document = json.loads(body)
            return cls(status, document.get("reason") or "", document.get("message") or "", document.get("details"))
        except (ValueError, AttributeError):
            return cls(status, "", body.decode(errors="replace").strip() or f"HTTP {status}")

    @property
    def passing(self) -> bool:
        """Whether a repetition may help. A manifest that does not fit its schema is a 500 too, and stays one."""
        if self.status == 409:
            return self.reason == "Conflict" and not self.causes and "the object has been modified" in self.message
        return self.status in PASSING and "typed patch object" not in self.message

    @property
    def already_exists(self) -> bool:
        return self.status == 409 and self.reason == "AlreadyExists"

    @property
    def not_found(self) -> bool:
        return self.status == 404

    @property
    def causes(self) -> list[Object]:
        return self.details.get("causes") or []

    @property
    def conflicts(self) -> list[tuple[str, str]]:
        """Of a refused apply: the fields and their owners."""
        if self.status != 409:
            return []
        found: list[tuple[str, str]] = []
        for cause in self.causes:
            owner = OWNED.search(cause.get("message", ""))
            if cause.get("reason") == "FieldManagerConflict" and owner:
                found.append((cause.get("field", ""), owner["manager"]))
        return found


class Unreachable(ProviderError):
    """No answer at all: never taken for "there is nothing"."""

    def __init__(self, server: str, why: str) -> None:
        super().__init__(
            f"the Kubernetes cluster at {server} is unreachable ({why}); nothing was changed. Start it, or correct the "
            "kubeconfig and its context"
        )
