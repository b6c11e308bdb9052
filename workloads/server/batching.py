"""Runs the model where it costs least: on the event loop, in a thread, or for several requests at once.

Which of them is measured when the model is loaded, with one row and with sixteen.
"""

import asyncio
import time
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workloads.server.binary import DATATYPES
from workloads.server.model import Model
from workloads.server.threads import in_thread

Arrays = Mapping[str, NDArray[Any]]

MAX_BATCH_ROWS = 16
"""Rows of several requests in one run: as many as were tried when the model was loaded, so that their memory is known
to suffice."""
HOP_SECONDS = 0.0002
"""Ten times the way to a thread and back, measured at 0.02 ms: a model that answers sooner gains little by waiting."""
INLINE_SECONDS = 0.001
"""The longest run on the event loop, where it delays every other request and the probes."""
GAIN = 2
"""Batching starts where sixteen rows together take less than the time of sixteen rows one by one over this."""


@dataclass(frozen=True)
class Cost:
    """Seconds that a model takes."""

    one_row: float
    each_more: float
    batches: bool
    """Whether requests that wait are run together."""

    def seconds(self, rows: int) -> float:
        return self.one_row + (rows - 1) * self.each_more


def measure(model: Model) -> Cost:
    """Costs about forty runs; a model that refuses invented input, or has no batch axis, is run in a thread, alone."""
    if any(-1 in spec.shape[1:] for spec in model.inputs) or not _has_batch_axis(model):
        return Cost(one_row=float("inf"), each_more=0, batches=False)
    try:
        one, many = _seconds(model, 1), _seconds(model, MAX_BATCH_ROWS)
    except Exception:  # of whatever library; requests are answered or refused one by one
        return Cost(one_row=float("inf"), each_more=0, batches=False)
    batches = one > HOP_SECONDS and many * GAIN < one * MAX_BATCH_ROWS
    return Cost(one_row=one, each_more=max(0.0, many - one) / (MAX_BATCH_ROWS - 1), batches=batches)


def _has_batch_axis(model: Model) -> bool:
    return all(spec.shape and spec.shape[0] == -1 for spec in (*model.inputs, *model.outputs))


def _seconds(model: Model, rows: int) -> float:
    """Of the fastest of some runs: what else the machine does only adds."""
    sample = {
        spec.name: np.full((rows, *spec.shape[1:]), "" if spec.datatype == "BYTES" else 0, DATATYPES[spec.datatype])
        for spec in model.inputs
    }
    fastest, ends = float("inf"), time.perf_counter() + 1
    for _ in range(20):
        started = time.perf_counter()
        model.run(sample)
        fastest = min(fastest, time.perf_counter() - started)
        if time.perf_counter() > ends:
            break
    return fastest


@dataclass(frozen=True, eq=False)
class Waiting:
    inputs: Arrays
    rows: int
    kind: object
    """Equal for inputs that can be run together."""
    answer: asyncio.Future[dict[str, NDArray[Any]]]


class Runner:
    """One loaded model. `run` is called from one event loop."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.cost = measure(model)
        # One run at a time: ONNX Runtime uses all of the pod's CPUs for one.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="predict")
        self._waiting: deque[Waiting] = deque()
        self._worker: asyncio.Task[None] | None = None

    async def run(self, inputs: Arrays) -> dict[str, NDArray[Any]]:
        """The outputs for inputs that fit the model's; raises what the model raises."""
        rows = next(iter(inputs.values())).shape[0] if _has_rows(inputs) else 1
        if not self.cost.batches and self.cost.seconds(rows) < INLINE_SECONDS:
            return self.model.run(inputs)
        if not self.cost.batches:
            return await in_thread(self._thread, partial(self.model.run, inputs))
        loop = asyncio.get_running_loop()
        waiting = Waiting(inputs, rows, _kind(inputs), loop.create_future())
        self._waiting.append(waiting)
        if self._worker is None:
            self._worker = loop.create_task(self._work())
        try:
            return await waiting.answer
        except asyncio.CancelledError:
            if waiting in self._waiting:  # its inputs are let go of at once
                self._waiting.remove(waiting)
            raise

    async def _work(self) -> None:
        """Runs what waits, all of one kind at once, until nothing does: no request waits for others to come."""
        loop = asyncio.get_running_loop()
        try:
            while batch := self._next_batch():
                answers = await loop.run_in_executor(self._thread, _run_together, self.model, batch)
                for waiting, answer in zip(batch, answers, strict=True):
                    if waiting.answer.done():  # its client went away
                        continue
                    if isinstance(answer, Exception):
                        waiting.answer.set_exception(answer)
                    else:
                        waiting.answer.set_result(answer)
        finally:
            self._worker = None

    def _next_batch(self) -> list[Waiting]:
        batch: list[Waiting] = []
        rows = 0
        while self._waiting:
            first = self._waiting[0]
            if batch and (first.kind != batch[0].kind or rows + first.rows > MAX_BATCH_ROWS):
                break
            self._waiting.popleft()
            if not first.answer.done():
                batch.append(first)
                rows += first.rows
        return batch


def _has_rows(inputs: Arrays) -> bool:
    return bool(inputs) and all(array.ndim for array in inputs.values())


def _kind(inputs: Arrays) -> object:
    return frozenset((name, array.dtype.str, array.shape[1:]) for name, array in inputs.items())


def _run_together(model: Model, batch: Sequence[Waiting]) -> list[dict[str, NDArray[Any]] | Exception]:
    """The answer of each, or why it has none; where the batch fails each is run alone: one never fails another."""
    if len(batch) > 1:
        try:
            return _split(model.run(_joined(batch)), batch)
        except Exception:
            return [_run_alone(model, waiting) for waiting in batch]
    return [_run_alone(model, waiting) for waiting in batch]


def _joined(batch: Sequence[Waiting]) -> dict[str, NDArray[Any]]:
    return {name: np.concatenate([each.inputs[name] for each in batch]) for name in batch[0].inputs}


def _split(outputs: Mapping[str, NDArray[Any]], batch: Sequence[Waiting]) -> list[dict[str, NDArray[Any]] | Exception]:
    rows = sum(each.rows for each in batch)
    if wrong := [name for name, array in outputs.items() if array.shape[:1] != (rows,)]:
        raise ValueError(f"outputs {wrong} have not one row for each of {rows}")
    ends = np.cumsum([each.rows for each in batch]).tolist()
    starts = [0, *ends[:-1]]
    return [
        {name: array[start:end] for name, array in outputs.items()} for start, end in zip(starts, ends, strict=True)
    ]


def _run_alone(model: Model, waiting: Waiting) -> dict[str, NDArray[Any]] | Exception:
    try:
        return model.run(waiting.inputs)
    except Exception as error:
        return error
