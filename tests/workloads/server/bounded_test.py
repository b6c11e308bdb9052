"""What a pod's memory limit and probes ask of the server, of a real process on loopback."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from multiprocessing import get_context

import httpx
import pytest

from tests.workloads.server.conftest import Server
from workloads.server.watch import WATCH_SECONDS

MIB = 2**20
POD_BYTES = 384 * MIB
RUNTIME_BYTES = 64 * MIB
"""ONNX Runtime with a small model, which this process does not load."""
CLIENTS, SLOW_UPLOADS = 64, 200
SECONDS = 14


def bodies() -> list[tuple[str, bytes]]:
    """Paths and bodies of about 1 MiB each: rows that are answered, and what costs a parser most."""
    data = [0.5] * 20_000
    rows = json.dumps({"inputs": [{"name": "input", "shape": [10_000, 2], "datatype": "FP64", "data": data}]}).encode()
    return [
        ("/v2/models/box/infer", rows.ljust(MIB)),
        ("/v2/models/box/infer", b'{"inputs": [%s[]]}' % (b"[]," * (MIB // 3))),
        ("/predict", b"[%s1]" % (b"0.5," * (MIB // 4))),
    ]


async def ask_large(port: int, path: str, body: bytes, statuses: Counter[int]) -> None:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
        while True:
            response = await client.post(path, content=body)
            statuses[response.status_code] += 1
            if response.status_code == 503:
                await asyncio.sleep(int(response.headers["retry-after"]))


async def upload_slowly(port: int, statuses: Counter[int]) -> None:
    """All but the last byte at once, which never comes; another upload when the server gave up this one. Begins when
    large requests have been answered: afterwards they get little room."""
    await asyncio.sleep(2)
    while True:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        with suppress(ConnectionError):
            writer.write(b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % MIB + b" " * (MIB - 1))
            statuses[int((await reader.readline()).split()[1])] += 1
        writer.close()
        await asyncio.sleep(0.5)


def attack(port: int) -> tuple[Counter[int], Counter[int]]:
    """How many large requests, and slow uploads, were answered with which status."""
    large: Counter[int] = Counter()
    slow: Counter[int] = Counter()
    kinds = bodies()

    async def all_at_once() -> None:
        clients = [ask_large(port, *kinds[number % len(kinds)], large) for number in range(CLIENTS)]
        with suppress(TimeoutError):
            async with asyncio.timeout(SECONDS):
                await asyncio.gather(*clients, *(upload_slowly(port, slow) for _ in range(SLOW_UPLOADS)))

    asyncio.run(all_at_once())
    return large, slow


def probe(port: int) -> float:
    """Seconds that /v2/health/live takes, on a new connection, as the kubelet asks."""
    started = time.monotonic()
    assert httpx.get(f"http://127.0.0.1:{port}/v2/health/live", timeout=20).status_code == 200
    return time.monotonic() - started


@pytest.mark.heavy
def test_large_requests_and_slow_uploads_neither_end_the_server_nor_delay_its_probe(
    start_server: Callable[[str], Server],
) -> None:
    server = start_server("box")
    probe(server.port)
    seconds: list[float] = []
    with ProcessPoolExecutor(1, get_context("spawn")) as attackers:
        attacked = attackers.submit(attack, server.port)
        while not attacked.done():
            seconds.append(probe(server.port))
            time.sleep(0.02)
        large, slow = attacked.result()
    print(f"slowest of {len(seconds)}: {max(seconds):.2f} s, {server.memory() // MIB} MiB, {large}, {slow}")
    assert server.process.poll() is None
    assert server.memory() < POD_BYTES - RUNTIME_BYTES
    assert max(seconds) < 1
    assert set(large) <= {200, 400, 503}
    assert large[200]
    assert set(slow) <= {408, 503}
    assert slow[503]


def test_a_request_that_is_refused_unread_gets_its_answer_before_the_connection_ends(
    start_server: Callable[[str], Server],
) -> None:
    server = start_server("box")
    for content in (b" " * (8 * MIB), iter([b" " * MIB] * 8)):
        response = httpx.post(f"http://{server.address}/predict", content=content, timeout=20)
        assert response.status_code == 413
        assert response.headers["connection"] == "close"
    assert httpx.get(f"http://{server.address}/v2/health/live", timeout=20).status_code == 200


def test_a_server_that_drains_closes_kept_connections(start_server: Callable[[str], Server]) -> None:
    server = start_server("box")
    with httpx.Client(base_url=f"http://{server.address}", timeout=20) as client:
        assert "connection" not in client.post("/predict", json={"width": 1, "height": 1}).headers
        server.drain_file.touch()
        time.sleep(2 * WATCH_SECONDS)
        answer = client.post("/predict", json={"width": 1, "height": 1})
        assert (answer.status_code, answer.headers["connection"]) == (200, "close")
