import asyncio
import gc
import weakref
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest

from workloads.server.eager import run_eagerly


def run(work: Callable[[asyncio.AbstractEventLoop], Awaitable[Any]]) -> Any:
    async def within() -> Any:
        return await work(asyncio.get_running_loop())

    return asyncio.run(within())


def _never(found: object) -> None:
    pytest.fail(f"called with {found}")


def test_what_waits_for_nothing_is_done_at_once() -> None:
    async def work() -> str:
        return "done"

    async def asked(loop: asyncio.AbstractEventLoop) -> Any:
        return run_eagerly(work(), loop, _never)

    assert run(asked) == "done"


def test_what_waits_goes_on_in_a_task_as_often_as_it_waits() -> None:
    async def work() -> int:
        found = 0
        for _ in range(3):
            found += await asyncio.get_running_loop().run_in_executor(None, int, "2")
        return found

    async def asked(loop: asyncio.AbstractEventLoop) -> list[int]:
        later: list[int] = []
        task = run_eagerly(work(), loop, later.append)
        assert isinstance(task, asyncio.Task)
        await task
        return later

    assert run(asked) == [6]


def test_an_error_of_what_it_waits_for_is_raised_where_it_waits() -> None:
    async def work() -> str:
        try:
            await asyncio.get_running_loop().run_in_executor(None, int, "no number")
        except ValueError:
            await asyncio.sleep(0)
            return "handled"
        return "missed"

    async def asked(loop: asyncio.AbstractEventLoop) -> list[str]:
        later: list[str] = []
        task = run_eagerly(work(), loop, later.append)
        assert isinstance(task, asyncio.Task)
        await task
        return later

    assert run(asked) == ["handled"]


def test_what_an_error_ends_is_freed_at_once_and_not_when_garbage_is_collected() -> None:
    class Body:
        pass

    bodies: list[weakref.ref[Body]] = []

    async def work() -> None:
        body = Body()
        bodies.append(weakref.ref(body))
        with suppress(ValueError):
            await asyncio.get_running_loop().run_in_executor(None, int, "no number")

    async def asked(loop: asyncio.AbstractEventLoop) -> list[object]:
        task = run_eagerly(work(), loop, lambda _: None)
        assert isinstance(task, asyncio.Task)
        await task
        return [body() for body in bodies]

    gc.disable()
    try:
        assert run(asked) == [None]
    finally:
        gc.enable()


def test_a_task_that_is_cancelled_ends_what_it_runs() -> None:
    ended: list[bool] = []

    async def work() -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            ended.append(True)

    async def asked(loop: asyncio.AbstractEventLoop) -> None:
        task = run_eagerly(work(), loop, _never)
        assert isinstance(task, asyncio.Task)
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled()

    run(asked)
    assert ended == [True]


class Large:
    """Stands for what a request holds."""


@pytest.mark.parametrize("wrong", [True, False])
def test_what_the_work_held_is_freed_with_its_end_not_when_garbage_is_collected(wrong: bool) -> None:
    freed: list[bool] = []

    def use(large: Large) -> None:
        if wrong:
            raise ValueError(large)

    async def work() -> str:
        large = Large()
        weakref.finalize(large, freed.append, True)
        try:
            await asyncio.get_running_loop().run_in_executor(None, use, large)
        except ValueError:
            return "refused"
        return "done"

    async def asked(loop: asyncio.AbstractEventLoop) -> list[bool]:
        task = run_eagerly(work(), loop, lambda _: None)
        assert isinstance(task, asyncio.Task)
        await task
        await asyncio.sleep(0)
        return list(freed)

    gc.disable()
    try:
        assert run(asked) == [True]
    finally:
        gc.enable()
