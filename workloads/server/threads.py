"""Work in a pool of threads, for what may be given up before its turn comes."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


async def in_thread(pool: ThreadPoolExecutor, work: Callable[[], T]) -> T:
    """Do the work in a thread of the pool. Cancelled before its turn, the work is let go of at once, with all it holds:
    the pool itself would keep it until then."""
    kept = [work]

    def do() -> T:
        return kept.pop()()

    try:
        return await asyncio.get_running_loop().run_in_executor(pool, do)
    finally:
        kept.clear()
