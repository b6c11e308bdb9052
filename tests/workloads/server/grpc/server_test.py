import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ngh2 import Connection, Role
from ngh2.events import ResponseReceived

from tests.workloads.server.grpc.running import (
    PIN,
    Client,
    Running,
    held_in_the_end,
    library,
    rows,
    running,
    wait_until,
)
from tests.workloads.server.models import tensor_model
from workloads.server.bounds import LEAST, Budget
from workloads.server.grpc import connection
from workloads.server.grpc import inference_pb2 as messages
from workloads.server.holder import Holder
from workloads.server.http import MAX_BODY


@pytest.fixture
def server(holder: Holder, drain_file: Path) -> Iterator[Running]:
    with running(holder, drain_file) as server:
        yield server


@pytest.fixture
def client(server: Running) -> Iterator[Client]:
    client = Client(server.address)
    yield client
    client.close()


def series(server: Running) -> list[str]:
    lines = server.metrics.render(True).decode().splitlines()
    return [line for line in lines if line.startswith("groundwork_requests_total")]


def test_the_server_and_the_model_say_what_they_are(client: Client) -> None:
    assert client.ask("ServerLive", messages.ServerLiveRequest()).live
    assert client.ask("ServerReady", messages.ServerReadyRequest()).ready
    assert client.ask("ModelReady", messages.ModelReadyRequest(name="box", version="3")).ready
    assert client.ask("ServerMetadata", messages.ServerMetadataRequest()).name == "groundwork"
    described = client.ask("ModelMetadata", messages.ModelMetadataRequest(name="box"))
    assert (described.name, list(described.versions)) == ("box", ["3"])
    assert [(each.name, each.datatype, list(each.shape)) for each in described.inputs] == [("input", "FP64", [-1, 2])]
    assert [each.name for each in described.outputs] == ["label", "probabilities"]


def test_rows_in_fields_are_answered_in_fields_with_the_model_that_answered(client: Client) -> None:
    request = rows([1, 1], [9, 9])
    request.id = "mine"
    answer = client.ask("ModelInfer", request)
    assert (answer.model_name, answer.model_version, answer.id) == ("box", "3", "mine")
    assert answer.parameters["model_digest"].string_param == PIN.digest
    label, probabilities = answer.outputs
    assert list(label.contents.bytes_contents) == [b"small", b"large"]
    assert list(probabilities.contents.fp64_contents) == pytest.approx([0.1, 0.9, 0.9, 0.1])
    assert list(probabilities.shape) == [2, 2]
    assert probabilities.parameters["classes"].string_param == "large,small"
    assert not answer.raw_output_contents


def test_raw_rows_are_answered_raw_with_the_outputs_that_were_asked_for(client: Client) -> None:
    request = rows([1, 1], [9, 9])
    request.inputs[0].ClearField("contents")
    request.raw_input_contents.append(np.array([[1, 1], [9, 9]], dtype="<f8").tobytes())
    request.outputs.add(name="label")
    answer = client.ask("ModelInfer", request)
    assert [output.name for output in answer.outputs] == ["label"]
    assert list(answer.raw_output_contents) == [b"\5\0\0\0small\5\0\0\0large"]


def test_every_answer_names_the_model_in_its_metadata(client: Client) -> None:
    for call in (
        client.send("ModelInfer", rows([1, 1]).SerializeToString()),
        client.send("ModelInfer", rows([1, 1], name="other").SerializeToString()),
    ):
        call.exception()
        found = {**dict(call.initial_metadata()), **dict(call.trailing_metadata())}
        assert found["x-model-digest"] == PIN.digest
        assert (found["x-model-name"], found["x-model-version"]) == ("box", "3")


def wrong_rows() -> messages.ModelInferRequest:
    request = rows([1, 1])
    request.inputs[0].shape[0] = 2
    return request


REFUSED: list[tuple[str, Any, str, str]] = [
    ("ModelInfer", rows([1, 1], name="other"), "NOT_FOUND", "model 'other' is not served here; 'box' is"),
    (
        "ModelInfer",
        rows([1, 1], version="4"),
        "NOT_FOUND",
        "version '4' of model 'box' is not served here; '3' is",
    ),
    ("ModelReady", messages.ModelReadyRequest(name="other"), "NOT_FOUND", "model 'other'"),
    ("ModelMetadata", messages.ModelMetadataRequest(name="other"), "NOT_FOUND", "model 'other'"),
    ("ModelInfer", wrong_rows(), "INVALID_ARGUMENT", "2 elements, but the shape [2, 2] of FP64 means 4"),
    ("ModelInfer", messages.ModelInferRequest(model_name="box"), "INVALID_ARGUMENT", "'inputs' must be"),
    ("ModelInfer", rows([1, float("nan")]), "INVALID_ARGUMENT", "inputs[0]: element 1: nan is not a finite"),
    ("ModelStatistics", messages.ServerLiveRequest(), "UNIMPLEMENTED", "ModelStatistics: no such method"),
]


@pytest.mark.parametrize(("method", "request_", "status", "text"), REFUSED)
def test_what_is_wrong_with_a_call_is_said(client: Client, method: str, request_: Any, status: str, text: str) -> None:
    found, message = client.refused(method, request_.SerializeToString())
    assert found == status
    assert text in message


def test_bytes_that_are_no_message_are_refused_and_the_connection_goes_on(client: Client) -> None:
    status, text = client.refused("ModelInfer", b"\xff\xff\xff")
    assert (status, "the message is no ModelInferRequest" in text) == ("INVALID_ARGUMENT", True)
    assert client.ask("ServerLive", messages.ServerLiveRequest()).live


def test_a_text_of_any_letters_arrives_as_it_was_written(client: Client) -> None:
    _, text = client.refused("ModelInfer", rows([1, 1], name="Grüße 100%").SerializeToString())
    assert text.startswith("model 'Grüße 100%' is not served here")


def test_a_model_that_is_being_loaded_is_unavailable_and_not_ready(drain_file: Path) -> None:
    with running(Holder(), drain_file) as server:
        client = Client(server.address)
        assert client.ask("ServerLive", messages.ServerLiveRequest()).live
        assert not client.ask("ServerReady", messages.ServerReadyRequest()).ready
        assert not client.ask("ModelReady", messages.ModelReadyRequest(name="box")).ready
        status = client.refused("ModelInfer", rows([1, 1]).SerializeToString())
        assert status == ("UNAVAILABLE", "the model is being loaded")
        client.close()


def test_a_message_beyond_the_limit_is_refused_and_takes_nothing(server: Running, client: Client) -> None:
    status, text = client.refused("ModelInfer", b"\0" * (MAX_BODY + 1))
    assert (status, text) == ("RESOURCE_EXHAUSTED", f"the message is larger than {MAX_BODY} bytes: send it in parts")
    assert client.ask("ServerLive", messages.ServerLiveRequest()).live
    assert held_in_the_end(server) == 0


def test_beyond_the_budget_a_call_is_refused_until_there_is_room(holder: Holder, drain_file: Path) -> None:
    with running(holder, drain_file, Budget(3 * LEAST)) as server:
        client = Client(server.address)
        hold = server.budget.hold()
        hold.require(LEAST, "the test")
        others = server.budget.hold()
        others.require(LEAST, "the test")
        third = server.budget.hold()
        third.require(LEAST, "the test")
        call = client.send("ModelInfer", rows([1, 1]).SerializeToString())
        call.exception()
        assert call.code() is library.StatusCode.UNAVAILABLE
        assert ("grpc-retry-pushback-ms", "1000") in dict(call.trailing_metadata()).items()
        for each in (hold, others, third):
            each.release()
        assert client.ask("ModelInfer", rows([1, 1])).model_name == "box"
        client.close()


def test_what_a_call_held_is_given_back(server: Running, client: Client) -> None:
    for _ in range(20):
        client.ask("ModelInfer", rows([1, 1]))
    client.refused("ModelInfer", rows([1, 1], name="other").SerializeToString())
    assert held_in_the_end(server) == 0


def test_calls_are_counted_by_method_and_status_and_unknown_methods_as_one(server: Running, client: Client) -> None:
    client.ask("ModelInfer", rows([1, 1]))
    client.refused("ModelInfer", rows([1, 1], name="other").SerializeToString())
    client.refused("Scanned", b"")
    client.refused("ScannedToo", b"")
    assert series(server) == [
        'groundwork_requests_total{route="grpc ModelInfer",status="OK"} 1.0',
        'groundwork_requests_total{route="grpc ModelInfer",status="NOT_FOUND"} 1.0',
        'groundwork_requests_total{route="grpc other",status="UNIMPLEMENTED"} 2.0',
    ]


@pytest.mark.parametrize(
    "content", [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\0" * 100, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n!!!!!!!!!!!!!!"]
)
def test_a_client_of_another_protocol_is_disconnected_and_nobody_else(
    server: Running, client: Client, content: bytes
) -> None:
    host, port = server.address.split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(content)
        try:
            while connection.recv(4096):
                pass
        except ConnectionResetError:
            pass
    assert client.ask("ServerLive", messages.ServerLiveRequest()).live


def test_tensors_of_any_model_are_answered_by_name(drain_file: Path) -> None:
    holder = Holder()
    holder.model = tensor_model()
    request = messages.ModelInferRequest(model_name="box")
    text = request.inputs.add(name="text", datatype="BYTES", shape=[1, 1])
    text.contents.bytes_contents.append("größe".encode())
    picture = request.inputs.add(name="picture", datatype="FP32", shape=[1, 2, 3])
    picture.contents.fp32_contents.extend(range(6))
    with running(holder, drain_file) as server:
        client = Client(server.address)
        answer = client.ask("ModelInfer", request)
        client.close()
    capitals, doubled, positive = answer.outputs
    assert [each.decode() for each in capitals.contents.bytes_contents] == ["GRÖSSE"]
    assert list(doubled.contents.fp32_contents) == [0, 2, 4, 6, 8, 10]
    assert list(positive.contents.bool_contents) == [True]


class Load:
    """Asks over one kept channel until it is stopped; every failure is kept."""

    def __init__(self, address: str) -> None:
        self.client, self.answered = Client(address), 0
        self.failures: list[str] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._ask)
        self._thread.start()

    def _ask(self) -> None:
        while not self._stop.is_set():
            try:
                self.client.ask("ModelInfer", rows([1, 1]))
                self.answered += 1
            except library.RpcError as error:
                self.failures.append(f"{error.code()}: {error.details()}")
            self._stop.wait(0.002)

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()
        self.client.close()


def test_while_it_drains_a_kept_channel_connects_anew_without_a_failed_call(server: Running, drain_file: Path) -> None:
    load = Load(server.address)
    try:
        wait_until(lambda: load.answered > 20)
        (first,) = server.server.connections
        drain_file.touch()
        wait_until(lambda: first not in server.server.connections)
        before = load.answered
        wait_until(lambda: load.answered > before + 20)
    finally:
        load.stop()
    assert load.failures == []


def test_an_idle_connection_is_ended_when_the_server_stops(holder: Holder, drain_file: Path) -> None:
    with running(holder, drain_file) as server:
        client = Client(server.address)
        client.ask("ServerLive", messages.ServerLiveRequest())
        started = time.monotonic()
    assert time.monotonic() - started < 5
    client.close()


class Peer:
    """A client that does with HTTP/2 what grpcio does not."""

    def __init__(self, address: str) -> None:
        host, port = address.split(":")
        self.socket = socket.create_connection((host, int(port)), timeout=20)
        self.http2 = Connection(Role.CLIENT)
        self.http2.initiate_connection()

    def begin(self, body: bytes) -> int:
        """A call that does not end."""
        path = b"/inference.GRPCInferenceService/ModelInfer"
        headers = [(b":method", b"POST"), (b":scheme", b"http"), (b":authority", b"box"), (b":path", path)]
        stream = self.http2.send_request([*headers, (b"content-type", b"application/grpc"), (b"te", b"trailers")])
        self.http2.send_data(stream, body)
        self.flush()
        return stream

    def begin_and_take_back(self, method: bytes, body: bytes) -> None:
        """A call that is reset in the bytes that bring it."""
        path = b"/inference.GRPCInferenceService/ModelInfer"
        headers = [(b":method", method), (b":scheme", b"http"), (b":authority", b"box"), (b":path", path)]
        stream = self.http2.send_request([*headers, (b"content-type", b"application/grpc"), (b"te", b"trailers")])
        self.http2.send_data(stream, body, end_stream=True)
        brought = self.http2.data_to_send()
        self.http2.reset_stream(stream)
        self.socket.sendall(brought + self.http2.data_to_send())

    def flush(self) -> None:
        self.socket.sendall(self.http2.data_to_send())

    def receive(self) -> dict[bytes, bytes]:
        """Headers of the first answer."""
        while data := self.socket.recv(65536):
            self.http2.receive_data(data)
            for event in self.http2.events():
                if isinstance(event, ResponseReceived):
                    return dict(event.headers)
            self.flush()
        raise AssertionError("the server closed the connection")


def test_a_message_that_does_not_end_is_refused_in_time(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "BODY_SECONDS", 0.2)
    peer = Peer(server.address)
    peer.begin(b"\0\0\0\1\0some of it")
    assert peer.receive()[b"grpc-status"] == b"4"
    assert held_in_the_end(server) == 0
    peer.socket.close()


def test_what_a_client_that_goes_away_has_sent_is_held_no_longer(server: Running) -> None:
    peer = Peer(server.address)
    for _ in range(3):
        peer.begin(b"\0\0\1\0\0some of it")
    wait_until(lambda: server.budget.held == 3 * LEAST)
    peer.socket.close()
    assert held_in_the_end(server) == 0


def test_what_is_no_call_of_grpc_is_refused_as_http(server: Running) -> None:
    peer = Peer(server.address)
    headers = [(b":method", b"GET"), (b":scheme", b"http"), (b":authority", b"box"), (b":path", b"/v2")]
    peer.http2.send_request(headers, end_stream=True)
    peer.flush()
    assert peer.receive()[b":status"] == b"415"
    peer.socket.close()


@pytest.mark.parametrize(("method", "body"), [(b"POST", b"\0" * 5), (b"GET", b""), (b"POST", b"\0" * 2 * LEAST)])
def test_a_call_that_is_reset_as_it_arrives_takes_nothing_and_others_on_its_connection_go_on(
    holder: Holder, drain_file: Path, method: bytes, body: bytes
) -> None:
    with running(holder, drain_file, Budget(LEAST)) as server:  # the last one is refused before it is complete
        peer = Peer(server.address)
        peer.begin_and_take_back(method, body)
        message = rows([1, 1]).SerializeToString()
        stream = peer.begin(b"\0" + len(message).to_bytes(4, "big") + message)
        peer.http2.end_stream(stream)
        peer.flush()
        assert b"grpc-status" not in peer.receive()  # it comes behind the message
        assert held_in_the_end(server) == 0
        peer.socket.close()


def test_a_repeated_call_is_answered_as_the_first_was(client: Client) -> None:
    def asked(*row: float) -> Any:
        request = rows([*row])
        request.inputs[0].ClearField("contents")
        request.raw_input_contents.append(np.array([row], dtype="<f8").tobytes())
        return client.ask("ModelInfer", request)

    answers = [asked(1, 1), asked(9, 9), asked(1, 1)]
    assert [answer.raw_output_contents[0] for answer in answers] == [
        b"\5\0\0\0" + b for b in (b"small", b"large", b"small")
    ]
    assert answers[0] == answers[2]
    assert answers[1].parameters["model_digest"].string_param == PIN.digest
