import asyncio
from typing import Any

from workloads.server.writes import JoinedWrites


class Recorder(asyncio.Transport):
    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Any] = []

    def write(self, data: Any) -> None:
        self.calls.append(data)

    def close(self) -> None:
        self.calls.append("closed")


def test_what_is_written_in_one_turn_leaves_at_once() -> None:
    recorder = Recorder()

    async def write() -> None:
        transport = JoinedWrites(recorder, asyncio.get_running_loop())
        transport.write(b"head ")
        transport.write(b"body")
        assert recorder.calls == []
        await asyncio.sleep(0)
        transport.write(b"next")
        await asyncio.sleep(0)

    asyncio.run(write())
    assert recorder.calls == [b"head body", b"next"]


def test_a_connection_is_closed_after_what_was_written() -> None:
    recorder = Recorder()

    async def write() -> None:
        transport = JoinedWrites(recorder, asyncio.get_running_loop())
        transport.write(b"last")
        transport.close()
        await asyncio.sleep(0)

    asyncio.run(write())
    assert recorder.calls == [b"last", "closed"]
