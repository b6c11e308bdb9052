import asyncio
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.workloads.server.models import Arrays, box_model, run_model
from workloads.server.batching import MAX_BATCH_ROWS, Cost, Runner, measure
from workloads.server.model import Model, TensorSpec

FIXED, ONE_BY_ONE = 0.004, 0.001


def sleeping(seconds: Callable[[int], float], shape: tuple[int, ...] = (-1, 2)) -> Model:
    """Takes this long for so many rows."""

    def answer(inputs: Arrays) -> Arrays:
        time.sleep(seconds(inputs["x"].shape[0]))
        return {"y": inputs["x"]}

    return run_model((TensorSpec("x", "FP32", shape),), (TensorSpec("y", "FP32", shape),), answer)


def test_a_model_that_gains_by_it_is_run_in_batches() -> None:
    assert measure(sleeping(lambda _: FIXED)).batches
    assert not measure(sleeping(lambda rows: rows * ONE_BY_ONE)).batches
    assert not measure(box_model()).batches


@pytest.mark.parametrize("shape", [(1, 2), (-1, -1)])
def test_a_model_whose_rows_are_not_known_to_be_alike_runs_alone(shape: tuple[int, ...]) -> None:
    assert measure(sleeping(lambda _: FIXED, shape)) == Cost(one_row=float("inf"), each_more=0, batches=False)


def test_a_model_that_refuses_invented_input_runs_alone() -> None:
    def answer(_: Arrays) -> Arrays:
        raise ValueError("no such word")

    spec = TensorSpec("x", "BYTES", (-1, 1))
    assert not measure(run_model((spec,), (spec,), answer)).batches


class Recorder:
    """A model that notes the rows of each run, and the thread it ran in; the first run waits until it may go on."""

    def __init__(self, cost: Cost) -> None:
        self.rows: list[int] = []
        self.threads: list[str] = []
        self.started, self.may_go_on = threading.Event(), threading.Event()
        spec = (TensorSpec("x", "FP32", (-1, -1)),)
        self.runner = Runner(run_model(spec, (TensorSpec("y", "FP32", (-1, -1)),), self.answer))
        self.runner.cost = cost

    def answer(self, inputs: Arrays) -> Arrays:
        values = inputs["x"]
        self.started.set()
        if not self.rows and self.runner.cost.batches:
            assert self.may_go_on.wait(10)
        self.rows.append(len(values))
        self.threads.append(threading.current_thread().name)
        if (values < 0).any():
            raise ValueError("negative")
        return {"y": values * 2}

    async def start(self, *values: NDArray[Any]) -> list[asyncio.Task[dict[str, NDArray[Any]]]]:
        """Each in a request; all others come while the first is run."""
        first = asyncio.create_task(self.runner.run({"x": values[0]}))
        while not self.started.is_set():
            await asyncio.sleep(0.001)
        others = [asyncio.create_task(self.runner.run({"x": each})) for each in values[1:]]
        await asyncio.sleep(0)  # each now waits
        return [first, *others]

    async def ask(self, *values: NDArray[Any]) -> list[Any]:
        tasks = await self.start(*values)
        self.may_go_on.set()
        return await asyncio.gather(*tasks, return_exceptions=True)


BATCHES = Cost(one_row=1, each_more=0, batches=True)


def rows(count: int, width: int = 2, value: float = 1) -> NDArray[Any]:
    return np.full((count, width), value, dtype=np.float32)


def test_requests_that_come_while_the_model_is_busy_are_run_together() -> None:
    recorder = Recorder(BATCHES)
    answers = asyncio.run(recorder.ask(*(rows(count, value=count) for count in (1, 2, 3, 4))))
    assert recorder.rows == [1, 9]
    assert [answer["y"].tolist() for answer in answers] == [(rows(n, value=n) * 2).tolist() for n in (1, 2, 3, 4)]


def test_only_rows_of_one_shape_are_run_together_and_no_more_than_were_tried() -> None:
    recorder = Recorder(BATCHES)
    big = rows(MAX_BATCH_ROWS - 1)
    answers = asyncio.run(recorder.ask(rows(1), rows(1), rows(1, width=3), rows(1), big, rows(1), rows(100)))
    assert recorder.rows == [1, 1, 1, MAX_BATCH_ROWS, 1, 100]
    assert [answer["y"].shape for answer in answers] == [(1, 2), (1, 2), (1, 3), (1, 2), (15, 2), (1, 2), (100, 2)]


def test_a_row_that_fails_fails_no_other() -> None:
    recorder = Recorder(BATCHES)
    first, second, bad, last = asyncio.run(recorder.ask(rows(1), rows(1), rows(1, value=-1), rows(1)))
    assert isinstance(bad, ValueError)
    assert [each["y"].tolist() for each in (first, second, last)] == [[[2, 2]]] * 3


def test_a_client_that_goes_away_delays_nobody() -> None:
    recorder = Recorder(BATCHES)

    async def ask() -> Any:
        tasks = await recorder.start(rows(1), rows(1), rows(1))
        tasks[1].cancel()
        recorder.may_go_on.set()
        return await asyncio.gather(*tasks, return_exceptions=True)

    first, gone, last = asyncio.run(ask())
    assert isinstance(gone, asyncio.CancelledError)
    assert recorder.rows == [1, 1]
    assert first["y"].tolist() == last["y"].tolist() == [[2, 2]]


def test_what_a_client_that_goes_away_sent_is_let_go_of_before_its_turn() -> None:
    recorder = Recorder(BATCHES)
    freed = threading.Event()

    async def ask() -> bool:
        values = rows(1)
        weakref.finalize(values, freed.set)
        tasks = await recorder.start(rows(1), values)
        del values
        tasks.pop().cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        was_freed = freed.is_set()
        recorder.may_go_on.set()
        await asyncio.gather(*tasks)
        return was_freed

    assert asyncio.run(ask())


@pytest.mark.parametrize(
    ("cost", "here"),
    [
        (Cost(1e-5, 1e-6, batches=False), True),
        (Cost(1e-5, 1e-3, batches=False), False),
        (Cost(1, 0, batches=False), False),
    ],
)
def test_a_run_of_a_moment_is_done_at_once_and_a_longer_one_in_a_thread(cost: Cost, here: bool) -> None:
    recorder = Recorder(cost)
    asyncio.run(recorder.ask(rows(3)))
    assert recorder.threads == [threading.current_thread().name if here else "predict_0"]


def test_a_failure_in_a_thread_is_the_answer() -> None:
    recorder = Recorder(Cost(1, 0, batches=False))
    (answer,) = asyncio.run(recorder.ask(rows(1, value=-1)))
    assert isinstance(answer, ValueError)
