import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.workloads.signed import signed_pin, variables
from workloads.artifacts import folder_digest
from workloads.manifests import DRAIN_SECONDS
from workloads.server import __main__ as command
from workloads.server import check
from workloads.server.app import Holder
from workloads.server.loader import load_into
from workloads.server.model import ModelRefusedError, Pin, fetch, read_pin

URI = "s3://artifacts/mlflow/1/models/m-1/artifacts"
EXAMPLE = {"width": 1.0, "height": 1.0}


@pytest.fixture
def pin(model_folder: Path) -> Pin:
    return signed_pin(uri=URI, digest=folder_digest(model_folder))


@pytest.fixture
def filled(store: Any, model_folder: Path) -> Any:
    store.put_folder(model_folder, URI)
    return store


def refuse(_: float) -> None:
    raise AssertionError("nothing to wait for")


def test_a_pin_comes_from_the_environment(pin: Pin) -> None:
    assert read_pin(variables(pin)) == pin
    assert pin.identity == {"model_name": "box", "model_version": "3", "model_digest": pin.digest}


def test_the_pinned_model_is_loaded_and_answers(filled: Any, pin: Pin) -> None:
    holder = Holder()
    load_into(holder, pin, store=lambda: filled, pause=refuse)
    assert holder.model is not None
    assert holder.model.features == ("width", "height")
    assert holder.model.run({"input": np.array([[1, 1], [9, 9.0]])})["label"].tolist() == ["small", "large"]


def test_changed_files_are_refused_for_good(filled: Any, pin: Pin, capsys: pytest.CaptureFixture[str]) -> None:
    filled.put_object(Bucket="artifacts", Key=f"{URI.removeprefix('s3://artifacts/')}/added", Body=b"")
    holder = Holder()
    load_into(holder, pin, store=lambda: filled, pause=refuse)
    assert holder.model is None
    assert f"the release pins {pin.digest}" in holder.reason
    assert f"error: {holder.reason}" in capsys.readouterr().out


def test_changed_files_are_not_even_opened(filled: Any, tmp_path: Path) -> None:
    with pytest.raises(ModelRefusedError, match="changed after training"):
        fetch(signed_pin(uri=URI, digest="sha256:0"), filled, tmp_path)


def unsigned(pin: Pin) -> Pin:
    return replace(pin, signature="")


def renamed(pin: Pin) -> Pin:
    return replace(pin, statement=replace(pin.statement, model="crate"))


def elsewhere(pin: Pin) -> Pin:
    return replace(pin, trust=replace(pin.trust, root="s3://artifacts/models"))


@pytest.mark.parametrize(
    ("changed", "why"),
    [(unsigned, "not signed"), (renamed, "its signature is not the training's"), (elsewhere, "allowed is what lies")],
)
def test_of_a_model_that_is_not_trusted_nothing_is_even_read(
    changed: Callable[[Pin], Pin], why: str, pin: Pin, capsys: pytest.CaptureFixture[str]
) -> None:
    holder = Holder()
    load_into(holder, changed(pin), store=lambda: None, pause=refuse)
    assert holder.model is None
    assert why in holder.reason
    assert holder.reason.endswith(": not served")
    assert f"error: {holder.reason}" in capsys.readouterr().out


def test_a_store_that_does_not_answer_yet_is_asked_again(filled: Any, pin: Pin) -> None:
    holder, waited = Holder(), list[float]()

    def store() -> Any:
        if len(waited) < 6:
            assert holder.model is None
            raise ConnectionError("refused")
        return filled

    load_into(holder, pin, store=store, pause=waited.append)
    assert waited == [1, 2, 4, 8, 15, 15]
    assert holder.model is not None


def test_the_reason_is_told_while_it_waits(store: Any, pin: Pin) -> None:
    holder, reasons = Holder(), list[str]()

    def pause(_: float) -> None:
        reasons.append(holder.reason)
        raise StopIteration

    with pytest.raises(StopIteration):
        load_into(holder, pin, store=lambda: store, pause=pause)
    assert reasons == [f"{URI} can't be read yet: FileNotFoundError: nothing lies at {URI}"]


@pytest.mark.parametrize("fits", [True, False])
def test_a_check_reports_in_one_line_and_its_exit_code(
    filled: Any, pin: Pin, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], fits: bool
) -> None:
    monkeypatch.setattr(check, "object_store", lambda: filled)
    pinned = pin if fits else signed_pin(uri=URI, digest="sha256:0")
    environment = {**variables(pinned), "MODEL_EXAMPLE": json.dumps(EXAMPLE)}
    assert check.run(environment) == (0 if fits else 1)
    report = json.loads(capsys.readouterr().out)
    assert report["ok"] is fits
    assert bool(report["problems"]) is not fits
    assert report["model_version"] == "3"


def test_a_check_opens_nothing_that_is_not_signed(
    filled: Any, pin: Pin, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(check, "object_store", lambda: filled)
    monkeypatch.setattr(check, "examine", refuse)
    environment = {**variables(unsigned(pin)), "MODEL_EXAMPLE": json.dumps(EXAMPLE)}
    assert check.run(environment) == 1
    (problem,) = json.loads(capsys.readouterr().out)["problems"]
    assert problem.startswith("ModelRefusedError: model box version 3: it is not signed")


def test_a_drain_lasts_as_long_as_the_pod_is_given(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    slept: list[float] = []
    monkeypatch.setattr(command.time, "sleep", slept.append)
    monkeypatch.setattr(command, "DRAIN_FILE", tmp_path / "draining")
    assert command.main(["drain"]) == 0
    assert (tmp_path / "draining").exists()
    assert slept == [command.DRAIN_SECONDS] == [DRAIN_SECONDS]


def test_an_unknown_use_lists_the_known(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["stop"]) == 2
    assert "[serve|check|drain], not 'stop'" in capsys.readouterr().err
