"""Work in a pool of threads, for what may be given up before its turn comes."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


async def in_thread(pool: ThreadPoolExecutor, work: Callable[[], T]) -> T:
    """Do the work in a thread of the pool. Cancelled before its turn, the work is let go of at once, with all it holds:
    the pool itself would keep it until then. What it raises comes without the frames that raised it."""
    kept = [work]

    def do() -> T:
        try:
            return kept.pop()()
        except Exception as error:
            # Its frames hold all that was parsed until the event loop takes the error: of several requests at one time.
            error.__cause__ = error.__context__ = None
            raise error.with_traceback(None) from None

    try:
        return await asyncio.get_running_loop().run_in_executor(pool, do)
    finally:
        kept.clear()
