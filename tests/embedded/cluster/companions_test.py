"""Programs beside a cluster: real processes, without a cluster."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from embedded.cluster import companions
from embedded.cluster.companions import Companions, declare, declared
from embedded.cluster.processes import alive


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(companions, "CHECK_SECONDS", 0.01)
    monkeypatch.setattr(companions, "BACK_OFF", (0.01, 0.02))


class Beside:
    """A folder of companions that is followed for the time of a test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "companions"
        self.logs = folder
        self.told: list[dict[str, str]] = []
        self.kept = Companions(self.folder, self.logs, lambda: self.told.append(dict(self.kept.states)))

    def script(self, name: str, text: str) -> tuple[str, ...]:
        path = self.logs / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return (str(path),)

    def log(self, name: str) -> str:
        path = self.logs / f"{name}.log"
        return path.read_text() if path.exists() else ""

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not condition():
                await asyncio.sleep(0.01)

    async def during(self, work: Callable[[], Awaitable[None]]) -> None:
        following = asyncio.create_task(self.kept.follow())
        try:
            await work()
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
            await self.kept.close()


@pytest.fixture
def beside(tmp_path: Path) -> Beside:
    return Beside(tmp_path)


def test_what_ends_is_started_again_and_its_state_says_so(beside: Beside) -> None:
    declare(beside.folder, {"short": beside.script("short", "echo came; exit 3")})

    async def work() -> None:
        await beside.until(lambda: beside.log("short").count("came") >= 3)

    asyncio.run(beside.during(work))
    ended = f"ended with 3, starts again in 0.01 s: see {beside.logs}/short.log"
    assert {"short": "running"} in beside.told
    assert {"short": ended} in beside.told
    assert beside.kept.states == {}


def test_another_declaration_ends_what_is_not_wanted_and_starts_what_is(beside: Beside) -> None:
    first, second = beside.script("first", "echo $$; exec sleep 60"), beside.script("second", "echo $$; exec sleep 60")
    declare(beside.folder, {"a": first, "b": first})

    async def work() -> None:
        await beside.until(lambda: bool(beside.log("a") and beside.log("b")))
        declare(beside.folder, {"a": second})
        await beside.until(lambda: len(beside.log("a").split()) == 2)
        assert beside.kept.states == {"a": "running"}
        assert [alive(int(pid)) for pid in beside.log("a").split()] == [False, True]
        assert not alive(int(beside.log("b")))

    asyncio.run(beside.during(work))
    assert not any(alive(int(pid)) for pid in beside.log("a").split())
    assert declared(beside.folder) == {"a": second}


def test_one_gets_to_end_by_itself_and_is_killed_with_its_children_when_it_does_not(
    beside: Beside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(companions, "END_SECONDS", 3.0)
    gentle = beside.script("gentle", "trap 'echo ended; exit 0' TERM; sleep 60 & echo here; wait")
    stubborn = beside.script("stubborn", "trap '' TERM; sleep 60 & echo $! $$; wait; wait")
    declare(beside.folder, {"gentle": gentle, "stubborn": stubborn})

    async def work() -> None:
        await beside.until(lambda: bool(beside.log("gentle") and beside.log("stubborn")))

    asyncio.run(beside.during(work))
    assert beside.log("gentle").split() == ["here", "ended"]
    pids = [int(pid) for pid in beside.log("stubborn").split()]
    asyncio.run(beside.until(lambda: not any(map(alive, pids))))
