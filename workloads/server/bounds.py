"""How much memory requests may hold at one time, of all connections together."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import TypeVar

from workloads.server.errors import BadRequestError, OverloadedError
from workloads.server.threads import in_thread

MAX_HELD = 64 * 2**20
"""Bytes that requests hold: heads that arrive in parts, bodies, tensors and answers. Of a pod's 384 MiB some 110 are
Python with ONNX Runtime, up to 100 the objects of the one body that is parsed at a time (24 times its bytes at worst),
and at most 64 KiB a connection what follows on a request that is not answered yet; the rest is the model's."""
LEAST = 16 * 2**10
"""Bytes that any request counts as: what its connection and task take. It bounds their number, too."""
KEPT_FOR_SMALL = 8 * 2**20
"""Bytes that only requests of at most LEAST get: large or slow uploads do not shut out what is usual."""
INLINE_BYTES = 64 * 2**10
"""Of a body or an answer that is parsed or encoded on the event loop, within a millisecond or two; a larger one is in
a thread."""

RETRY_SECONDS = 1
"""After which a client that was refused for what others hold may ask again."""

T = TypeVar("T")


class Budget:
    def __init__(self, limit: int = MAX_HELD) -> None:
        self.limit = limit
        self.held = 0
        # One at a time: the objects of one large body take many times its bytes.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="parse")

    async def near(self, size: int, work: Callable[[], T]) -> T:
        """Do small work here, large work in the thread, so that it does not delay other requests and probes."""
        if size <= INLINE_BYTES:
            return work()
        return await in_thread(self._thread, work)

    def hold(self) -> "Hold":
        """For one request, as a context: what it holds is given back at its end."""
        return Hold(self)


class Hold:
    """What one request holds: nothing at first."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self.size = 0

    def __enter__(self) -> "Hold":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()

    def require(self, size: int, what: str) -> None:
        """Hold `size` bytes in all, or as many as before where that is more. Refuses what others leave no room for,
        and what would never have room: `what` says in the message what is so large."""
        size = max(size, LEAST)
        if size <= self.size:
            return
        limit = self._budget.limit - (KEPT_FOR_SMALL if size > LEAST else 0)
        if size > limit:
            raise BadRequestError(f"{what} takes {size} bytes of memory, more than {limit}: send it in parts")
        if self._budget.held + size - self.size > limit:
            raise OverloadedError("the server is busy with other requests: send this one again in a second")
        self._budget.held += size - self.size
        self.size = size

    def release(self) -> None:
        self._budget.held -= self.size
        self.size = 0
