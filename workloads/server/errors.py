"""What a request is refused for; each becomes one status of HTTP, and one of gRPC."""

from collections.abc import Sequence

MAX_SHOWN, MAX_LISTED = 60, 10
"""Characters of a value, and values, that an error repeats of what it refuses: a client can send megabytes."""


class BadRequestError(Exception):
    """What a client must change; the message goes into the answer's `error`."""


class NotReadyError(Exception):
    """The model is not loaded yet, or was refused: the message says which."""


class OverloadedError(Exception):
    """The server holds as many bytes as it may; the same request is answered a moment later."""


def shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 3] + "..."


def listed(names: Sequence[object]) -> str:
    more = f" and {len(names) - MAX_LISTED} more" if len(names) > MAX_LISTED else ""
    return f"[{', '.join(map(shown, names[:MAX_LISTED]))}]{more}"
