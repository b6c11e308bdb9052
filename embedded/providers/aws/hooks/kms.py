"""KMS: whether a key may be used, and whether it rotates."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..resource import Live


def key_enabled(live: "Live") -> None:
    enabled = live.values.get("isEnabled", True)
    if live.old or not enabled:  # a new key is enabled
        live.call("enable_key" if enabled else "disable_key", {"KeyId": live.id})


def key_rotation(live: "Live") -> None:
    days = live.values.get("rotationPeriodInDays")
    if live.values.get("enableKeyRotation"):
        live.call("enable_key_rotation", {"KeyId": live.id, **({"RotationPeriodInDays": days} if days else {})})
    elif live.old:
        live.call("disable_key_rotation", {"KeyId": live.id})
