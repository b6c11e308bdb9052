"""As which user pods run where the settings don't say it."""

import pwd
from pathlib import Path

import pytest

from modules.core.contracts import IMAGE_USER
from stacks.configuration import parse
from stacks.foundation import users
from stacks.foundation.settings import EmbeddedSettings
from stacks.foundation.users import COUNT, FIRST, choose, record_of, taken_here, user_of


@pytest.fixture(autouse=True)
def data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))


def record(stack: str, number: int) -> None:
    record_of(stack).parent.mkdir(parents=True, exist_ok=True)
    record_of(stack).write_text(f"{number}\n")


def test_a_number_follows_from_the_stacks_name_and_is_within_the_range() -> None:
    assert choose("local") == choose("local") != choose("test")
    assert all(FIRST <= choose(name) < FIRST + COUNT for name in ("a", "b", "local"))


def test_a_number_that_somebody_has_is_left_to_them() -> None:
    first = choose("local")
    assert choose("local", lambda number: number == first) == FIRST + (first + 1 - FIRST) % COUNT


def test_a_user_of_this_machine_has_theirs() -> None:
    assert taken_here(pwd.getpwnam("nobody").pw_uid)
    assert not taken_here(FIRST)


def test_another_stack_has_its_own() -> None:
    record("other", choose("local"))
    assert choose("local") != choose("other", lambda _: False)
    assert choose("local") == choose("local", lambda number: number == int(record_of("other").read_text()))


def test_what_users_may_give_their_containers_is_theirs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "subuid"
    file.write_text(f"alice:{FIRST}:10\nbroken\n")
    monkeypatch.setattr(users, "SUBORDINATE", (file, tmp_path / "none"))
    assert taken_here(FIRST + 9)
    assert not taken_here(FIRST + 10)


def test_the_recorded_number_counts_and_a_platform_of_before_keeps_the_images_user() -> None:
    assert user_of("local", EmbeddedSettings()) == IMAGE_USER
    record("local", FIRST + 7)
    assert user_of("local", EmbeddedSettings()) == FIRST + 7


@pytest.mark.parametrize("user", [20_000, IMAGE_USER, None])
def test_what_the_settings_say_counts_more(user: int | None) -> None:
    record("local", FIRST + 7)
    settings = parse({"groundwork:foundation": {"pods": {"user": user}}}, source="file")
    assert user_of("local", settings.foundation) == user
