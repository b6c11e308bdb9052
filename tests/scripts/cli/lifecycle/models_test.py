from typing import Any

import pytest

from modules.core.images import LockedImage
from modules.core.releases import Canary, Release
from scripts.cli.clients import kubectl, pins
from scripts.cli.lifecycle import models
from scripts.cli.lifecycle.models import ModelStatus, as_json, describe, find
from tests.scripts.cli.fakes import IMAGE, SERVING_DIGEST, Kubectl, always, mlflow, stack, version

PIN = Release(
    release=2,
    model_name="iris",
    model_version=3,
    model_uri="s3://b/k",
    model_digest=f"sha256:{0:064x}",
    run="r",
    serving_image=SERVING_DIGEST,
)
NEWER = "sha256:" + "3" * 64
LAGS = (
    f"it serves in serving image {'1' * 16}, today's is {'3' * 16}: "
    "`groundwork release iris --model-version 3` checks it in today's"
)
NOT_RUNNING = f"release 2 is version 3 in serving image {'1' * 16}, which does not run: `scripts/up` rolls it out"


def deployment(number: int) -> dict[str, Any]:
    container = {"image": IMAGE, "env": [{"name": "MODEL_VERSION", "value": str(number)}]}
    return {"spec": {"template": {"spec": {"containers": [container]}}}}


@pytest.mark.parametrize(
    ("champion", "pin", "running", "note"),
    [
        (3, PIN, 3, ""),
        (None, PIN, 3, ""),
        (4, PIN, 3, "the champion does not serve: `groundwork release iris` releases it"),
        (3, PIN, 2, NOT_RUNNING),
        (3, PIN, None, NOT_RUNNING),
        (3, PIN.model_copy(update={"serving_image": NEWER}), 3, NOT_RUNNING.replace("1" * 16, "3" * 16)),
        (3, PIN.model_copy(update={"serving_image": ""}), 3, ""),
        (3, None, None, "nothing was released: `groundwork release iris`"),
        (None, None, None, "nothing was released: `groundwork train iris`, then `groundwork release iris`"),
    ],
)
def test_a_note_says_what_is_not_as_it_should_be(
    champion: int | None, pin: Release | None, running: int | None, note: str
) -> None:
    described = describe("iris", champion, pin, deployment(running) if running else None)
    assert described.note == note
    assert (described.champion, described.version) == (champion, running)


@pytest.mark.parametrize(
    ("pin", "watch", "note"),
    [
        (PIN, "running", "the champion does not serve: `groundwork release iris` releases it"),
        (PIN.model_copy(update={"canary": Canary(pin=PIN, weight=10)}), "running", "version 3 is tried on 10% of"),
        (PIN, "ended with 1, starts again in 5 s: see log", "its watch ended with 1, starts again in 5 s: see log"),
        (
            PIN.rejecting(PIN.pin.model_copy(update={"model_version": 4}), "accuracy: 0.9"),
            "running",
            "the champion was rejected (accuracy: 0.9): `groundwork release iris` releases it",
        ),
    ],
)
def test_a_note_tells_of_the_watch(pin: Release, watch: str, note: str) -> None:
    described = describe("iris", 4, pin, deployment(3), watch=watch)
    assert described.note.startswith(note)
    assert as_json([described])[0]["watch"] == watch


@pytest.mark.parametrize(
    ("champion", "pin", "today", "note"),
    [
        (3, PIN, NEWER, LAGS),
        (3, PIN.model_copy(update={"serving_image": ""}), NEWER, LAGS),
        (4, PIN, NEWER, f"the champion does not serve: `groundwork release iris` releases it; {LAGS}"),
        (
            3,
            PIN.rejecting(PIN.pin.model_copy(update={"serving_image": NEWER}), "rolled back"),
            NEWER,
            LAGS.replace(f"is {'3' * 16}", "rejected it (rolled back)"),
        ),
        (3, PIN, SERVING_DIGEST, ""),
        (3, PIN, None, ""),
        (3, None, NEWER, "nothing was released: `groundwork release iris`"),
    ],
)
def test_a_model_that_serves_in_an_image_of_before_is_reported_with_what_to_do(
    champion: int, pin: Release | None, today: str | None, note: str
) -> None:
    described = describe("iris", champion, pin, deployment(3) if pin else None, today=today)
    assert (described.note, described.lags) == (note, LAGS[:20] in note)


def test_a_model_that_is_tried_in_todays_image_is_not_asked_for_a_release() -> None:
    tried = PIN.model_copy(
        update={"canary": Canary(pin=PIN.pin.model_copy(update={"serving_image": NEWER}), weight=10)}
    )
    described = describe("iris", 3, tried, deployment(3), today=NEWER)
    assert (described.note, described.lags) == ("version 3 is tried on 10% of the requests", True)


def test_the_row_tells_release_version_and_image() -> None:
    row = as_json([describe("iris", 3, PIN, deployment(3))])[0]
    assert row == {
        "workload": "iris",
        "champion": 3,
        "release": 2,
        "version": 3,
        "image": IMAGE,
        "format": "onnx",
        "lags": False,
        "watch": None,
        "note": "",
    }


def test_a_model_that_is_served_from_skops_is_shown_as_such() -> None:
    row = describe("iris", 3, PIN.model_copy(update={"model_format": "skops"}), deployment(3))
    assert row.format == "skops"
    assert "skops" in list(models.table([row]).columns[4].cells)
    assert describe("iris", None, None, None).format is None


def found(monkeypatch: pytest.MonkeyPatch) -> ModelStatus:
    fake = Kubectl(monkeypatch)
    fake.objects["deployment", "iris"] = deployment(3)
    monkeypatch.setattr(kubectl, "get", fake.get)
    monkeypatch.setattr(pins, "released", always({"iris": PIN}))
    monkeypatch.setattr(models, "read_images", always(dict[str, LockedImage]()))
    (row,) = find(stack(monkeypatch))
    return row


def test_the_champion_is_the_registrys(monkeypatch: pytest.MonkeyPatch) -> None:
    mlflow(monkeypatch, lambda path, _: (200, {"model_version": version(3)}) if "alias" in path else None)
    assert found(monkeypatch).champion == 3


def test_a_registry_that_does_not_answer_is_a_note_and_hides_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    mlflow(monkeypatch, lambda _, __: (503, {"message": "down"}))
    row = found(monkeypatch)
    assert (row.champion, row.version, row.release) == (None, 3, 2)
    assert "answered 503" in row.note
