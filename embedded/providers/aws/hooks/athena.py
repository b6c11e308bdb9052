"""Athena: an update has other names than a creation."""

from typing import TYPE_CHECKING, Any

from ..convert import to_api
from ..templates import MISSING

if TYPE_CHECKING:
    from ..resource import Live


def configuration_updates(live: "Live") -> Any:
    if "configuration" not in live.values:
        return MISSING
    made: dict[str, Any] = to_api(live.nodes["configuration"], live.values["configuration"])
    results: Any = made.pop("ResultConfiguration", None)
    return {**made, **({"ResultConfigurationUpdates": results} if results else {})}
