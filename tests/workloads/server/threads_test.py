import asyncio
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from workloads.server.threads import in_thread


class Large:
    """Stands for what a request holds."""


def test_work_that_is_given_up_before_its_turn_is_let_go_of_at_once() -> None:
    pool, may_go_on, freed = ThreadPoolExecutor(max_workers=1), threading.Event(), threading.Event()

    async def ask() -> bool:
        first = asyncio.create_task(in_thread(pool, lambda: may_go_on.wait(10)))
        large = Large()
        weakref.finalize(large, freed.set)
        second = asyncio.create_task(in_thread(pool, partial(id, large)))
        del large
        await asyncio.sleep(0)
        second.cancel()
        await asyncio.wait([second])
        del second
        was_freed = freed.is_set()
        may_go_on.set()
        assert await first
        return was_freed

    assert asyncio.run(ask())


def test_work_answers_and_fails_where_it_is_awaited() -> None:
    pool = ThreadPoolExecutor(max_workers=1)
    assert asyncio.run(in_thread(pool, lambda: 3)) == 3
    with pytest.raises(ValueError, match="no number"):
        asyncio.run(in_thread(pool, partial(int, "no number")))
