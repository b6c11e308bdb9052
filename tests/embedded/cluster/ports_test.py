import os
import socket
from collections.abc import Iterator

import pytest

from embedded.cluster.ports import ensure_free, holder, is_free, listening
from modules.core.errors import UserError

TABLE = """  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 111 1 0 100 0 0 10 0
   1: 0100007F:1F90 0100007F:9999 01 00000000:00000000 00:00000000 00000000     0        0 222 1 0 100 0 0 10 0
   2: 00000000:1F91 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 333 1 0 100 0 0 10 0
"""


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def test_only_sockets_that_listen_hold_a_port() -> None:
    assert listening(TABLE, 8080) == {"111"}
    assert listening(TABLE, 8081) == {"333"}
    assert listening(TABLE, 39321) == set()


def test_a_taken_port_is_refused_with_its_setting_and_its_holder(taken: int) -> None:
    with pytest.raises(UserError) as refused:
        ensure_free("groundwork:foundation.ports.mlflow", taken)
    assert f"groundwork:foundation.ports.mlflow: {taken} on 127.0.0.1 is in use by" in str(refused.value)
    assert f"(process {os.getpid()})" in str(refused.value)


def test_a_port_is_free_again_when_its_server_is_gone() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
    assert is_free(port)
    assert holder(port) is None
    ensure_free("any", port)
