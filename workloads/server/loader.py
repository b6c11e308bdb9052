"""Brings the pinned model into a starting server, however long the object store takes to answer."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from workloads.artifacts import object_store
from workloads.server.holder import Holder
from workloads.server.model import ModelRefusedError, Pin, fetch, load

LONGEST_PAUSE = 15.0
"""Seconds between two tries: a store that comes back is noticed before a person would look."""


def load_into(
    holder: Holder,
    pin: Pin,
    *,
    store: Callable[[], Any] = object_store,
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Returns once the model is loaded, or refused for good; tries again while the store does not hand it out."""
    wait = 1.0
    while True:
        try:
            with tempfile.TemporaryDirectory() as folder:
                fetch(pin, store(), Path(folder))
                holder.model = load(Path(folder))
        except ModelRefusedError as error:
            _tell(holder, str(error))
            return
        except Exception as error:  # whatever the store or the network came up with
            _tell(holder, f"{pin.uri} can't be read yet: {type(error).__name__}: {error}")
            pause(wait)
            wait = min(wait * 2, LONGEST_PAUSE)
        else:
            print(f"serving {pin.name} version {pin.version} ({pin.digest}) of {pin.uri}", flush=True)
            return


def _tell(holder: Holder, reason: str) -> None:
    holder.reason = reason
    print(f"error: {reason}", flush=True)
