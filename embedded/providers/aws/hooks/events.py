"""EventBridge: whether a rule is on."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..resource import Live


def rule_state(live: "Live") -> str:
    """By `state`, or by the older `isEnabled`."""
    return live.values.get("state") or ("DISABLED" if live.values.get("isEnabled") is False else "ENABLED")
