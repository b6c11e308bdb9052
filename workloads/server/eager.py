"""Runs a coroutine at once, where it is called, and makes a task of it only where it waits.

What Python calls an eager task, from 3.12 on; a task that waits for nothing costs as much as parsing the request does.
"""

import asyncio
from collections.abc import Callable, Coroutine, Generator
from types import coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def run_eagerly(
    work: Coroutine[Any, Any, T], loop: asyncio.AbstractEventLoop, later: Callable[[T], None]
) -> "T | asyncio.Task[None]":
    """Return what the coroutine returns where it waits for nothing; else the task that calls `later` with it.

    Until it waits first, it runs outside of a task: it must not ask for one, as asyncio.timeout does."""
    try:
        waits_for = work.send(None)
    except StopIteration as done:
        return done.value
    return loop.create_task(_finish(work, waits_for, later))


async def _finish(work: Coroutine[Any, Any, T], waits_for: Any, later: Callable[[T], None]) -> None:
    later(await _rest(work, waits_for))


@coroutine
def _rest(work: Coroutine[Any, Any, T], waits_for: Any) -> Generator[Any, Any, T]:
    """What is left of a coroutine that has begun to wait. What it waits for may end in an error, or a cancellation."""
    try:
        while True:
            try:
                yield waits_for
            except BaseException as error:
                waits_for = (
                    None  # its error refers to this frame, and to all that the coroutine holds: no circle of them
                )
                waits_for = work.throw(error)
            else:
                waits_for = work.send(None)
    except StopIteration as done:
        return done.value
