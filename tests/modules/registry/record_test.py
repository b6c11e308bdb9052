import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from modules.core.errors import UserError
from modules.registry import record
from modules.registry.images import sha256
from modules.registry.record import Recorded, add_to_record, read_record, record_file


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(record, "cache_home", lambda: tmp_path / "cache")
    return tmp_path / "cache"


def made(name: str) -> dict[str, Recorded]:
    return {sha256(name.encode()): Recorded(digest=sha256(name.encode() * 2), repository=f"local/{name}")}


def test_nothing_is_recorded_at_first() -> None:
    assert read_record() == {}


def test_what_is_recorded_is_kept_beside_what_was_and_for_its_owner_alone(home: Path) -> None:
    add_to_record(made("base"))
    add_to_record({**made("one"), **made("two")})
    assert read_record() == {**made("base"), **made("one"), **made("two")}
    assert record_file() == home / "images.json"
    assert stat.S_IMODE(record_file().stat().st_mode) == 0o600


def test_the_same_inputs_have_the_digest_that_was_recorded_last() -> None:
    (inputs, before) = next(iter(made("base").items()))
    after = before.model_copy(update={"digest": sha256(b"moved on")})
    add_to_record({inputs: before})
    add_to_record({inputs: after})
    assert read_record() == {inputs: after}


def test_several_at_once_lose_nothing() -> None:
    names = [f"image{number}" for number in range(20)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add_to_record, map(made, names)))
    assert len(read_record()) == len(names)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "document: Invalid JSON"),
        ("{}", "images: Field required"),
        ('{"images": {"sha256:1": {"digest": "sha256:2", "repository": "a/b"}}}', "should match pattern"),
    ],
)
def test_a_file_that_is_not_one_of_ours_is_refused(home: Path, text: str, message: str) -> None:
    home.mkdir()
    record_file().write_text(text)
    with pytest.raises(UserError, match=message) as refused:
        read_record()
    assert str(record_file()) in str(refused.value)
    assert "remove the file, and the images are built again" in str(refused.value)
