"""Background processes of a cluster: real ones, without a cluster."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from embedded.cluster import background
from embedded.cluster.background import BackgroundProcesses, declare, declared
from embedded.cluster.processes import alive


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "CHECK_SECONDS", 0.01)
    monkeypatch.setattr(background, "BACK_OFF", (0.01, 0.02))


class Supervised:
    """A folder of declared commands that are supervised for the time of a test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "background"
        self.logs = folder
        self.reported: list[dict[str, str]] = []
        self.processes = BackgroundProcesses(
            self.folder, self.logs, lambda: self.reported.append(dict(self.processes.states))
        )

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
        following = asyncio.create_task(self.processes.follow())
        try:
            await work()
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
            await self.processes.close()


@pytest.fixture
def supervised(tmp_path: Path) -> Supervised:
    return Supervised(tmp_path)


def test_what_ends_is_started_again_and_its_state_says_so(supervised: Supervised) -> None:
    declare(supervised.folder, {"short": supervised.script("short", "echo came; exit 3")})

    async def work() -> None:
        await supervised.until(lambda: supervised.log("short").count("came") >= 3)

    asyncio.run(supervised.during(work))
    ended = f"ended with 3, starts again in 0.01 s: see {supervised.logs}/short.log"
    assert {"short": "running"} in supervised.reported
    assert {"short": ended} in supervised.reported
    assert supervised.processes.states == {}


def test_another_declaration_ends_what_is_not_wanted_and_starts_what_is(supervised: Supervised) -> None:
    first, second = (
        supervised.script("first", "echo $$; exec sleep 60"),
        supervised.script("second", "echo $$; exec sleep 60"),
    )
    declare(supervised.folder, {"a": first, "b": first})

    async def work() -> None:
        await supervised.until(lambda: bool(supervised.log("a") and supervised.log("b")))
        declare(supervised.folder, {"a": second})
        await supervised.until(lambda: len(supervised.log("a").split()) == 2)
        assert supervised.processes.states == {"a": "running"}
        assert [alive(int(pid)) for pid in supervised.log("a").split()] == [False, True]
        assert not alive(int(supervised.log("b")))

    asyncio.run(supervised.during(work))
    assert not any(alive(int(pid)) for pid in supervised.log("a").split())
    assert declared(supervised.folder) == {"a": second}


def test_one_gets_to_end_by_itself_and_is_killed_with_its_children_when_it_does_not(
    supervised: Supervised, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "END_SECONDS", 3.0)
    gentle = supervised.script("gentle", "trap 'echo ended; exit 0' TERM; sleep 60 & echo here; wait")
    stubborn = supervised.script("stubborn", "trap '' TERM; sleep 60 & echo $! $$; wait; wait")
    declare(supervised.folder, {"gentle": gentle, "stubborn": stubborn})

    async def work() -> None:
        await supervised.until(lambda: bool(supervised.log("gentle") and supervised.log("stubborn")))

    asyncio.run(supervised.during(work))
    assert supervised.log("gentle").split() == ["here", "ended"]
    pids = [int(pid) for pid in supervised.log("stubborn").split()]
    asyncio.run(supervised.until(lambda: not any(map(alive, pids))))
