from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from modules.core import releases
from modules.core.releases import Release, read_releases, write_releases
from scripts.cli.clients import pins
from scripts.cli.clients.backend import Backend
from scripts.cli.environment import Environment
from tests.scripts.cli.fakes import DIGEST, always, refused


def release(number: int) -> Release:
    return Release(
        release=number, model_name="m", model_version=number, model_uri="s3://b/k", model_digest=DIGEST, run="r"
    )


@pytest.fixture(autouse=True)
def file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "releases.local.yaml"
    monkeypatch.setattr(releases, "release_file", always(path))
    yield path
    assert {each.name for each in tmp_path.iterdir()} <= {path.name, pins.lock_of("local").name}


def test_no_pin_is_lost_where_many_watches_write_at_once() -> None:
    names = [f"workload-{number}" for number in range(6)]

    def watch(name: str) -> None:
        for number in range(1, 6):
            pins.replace("local", name, release(number - 1) if number > 1 else None, release(number))

    with ThreadPoolExecutor(len(names)) as pool:
        list(pool.map(watch, names))
    assert read_releases("local") == dict.fromkeys(names, release(5))


def test_what_another_command_pinned_meanwhile_is_not_written_over() -> None:
    write_releases("local", {"iris": release(2)})
    message = refused(lambda: pins.replace("local", "iris", release(1), release(3)))
    assert message.startswith("workload iris: releases.local.yaml was changed by another command meanwhile")
    assert read_releases("local") == {"iris": release(2)}


def test_a_pin_can_go_without_the_others() -> None:
    write_releases("local", {"iris": release(2), "rose": release(1)})
    pins.replace("local", "iris", release(2), None)
    assert read_releases("local") == {"rose": release(1)}


def running(monkeypatch: pytest.MonkeyPatch, outputs: dict[str, object]) -> Environment:
    """A stack whose last run left these outputs."""
    monkeypatch.setattr(Backend, "outputs", always(outputs))
    return Environment("local")


def test_a_checkout_without_pins_takes_over_what_the_environment_serves(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    serving = release(3).model_copy(update={"history": (release(2).pin,)})
    environment = running(monkeypatch, {"releases": {"iris": serving.model_dump(mode="json")}})
    assert pins.released(environment) == read_releases("local") == {"iris": serving}
    assert capsys.readouterr().err == (
        "releases.local.yaml was missing here: it pins what stack local serves now (iris version 3)\n"
    )


def test_the_pins_of_a_checkout_stay_whatever_the_environment_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    write_releases("local", {"iris": release(4)})
    environment = running(monkeypatch, {"releases": {"iris": release(3).model_dump(mode="json")}})
    assert pins.released(environment) == {"iris": release(4)}


def test_where_nothing_was_released_there_are_no_pins_to_take_over(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    assert pins.released(running(monkeypatch, {"releases": {}})) == {}
    assert not file.exists()
