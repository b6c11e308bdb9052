import hashlib
import re
import stat
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest

from modules.core.artifacts import OpenCache, no_cache
from modules.core.contracts import Registry
from modules.core.errors import UserError
from modules.core.images import Image, LockedImage, Program
from modules.registry import builder
from modules.registry.access import RegistryAccess
from modules.registry.buildah import Buildah, Log
from modules.registry.builder import Builder
from modules.registry.images import Source, sha256
from modules.registry.logins import Login, find_login

LOGIN = Login(username="ml", password="registry-secret@", source="the test")
REGISTRY = Registry(push="registry.test:5000/groundwork", pull="registry.test:5000/groundwork")


@dataclass
class FakeBuildah:
    """Takes buildah's commands; the digest of an image is that of its name and `debian`."""

    debian: str = "12.1"
    log: Log = field(default_factory=lambda: Log(Path("build.log")))
    stored: set[str] = field(default_factory=set[str])
    commands: list[tuple[str, ...]] = field(default_factory=list[tuple[str, ...]])
    failing: str = ""
    running: int = 0
    most: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, *arguments: str, what: str, environment: Mapping[str, str] | None = None) -> None:
        del environment
        with self.lock:
            self.running += 1
            self.most = max(self.most, self.running)
            self.commands.append(arguments)
        time.sleep(0.01 if what == self.failing else 0.05)
        with self.lock:
            self.running -= 1
        if what == self.failing:
            raise UserError(f"images: building {what} failed")
        for argument in arguments:
            if argument.startswith("--tag="):
                self.stored.add(argument.removeprefix("--tag="))
            if argument.startswith("--digestfile="):
                Path(argument.removeprefix("--digestfile=")).write_text(self.digest(what) + "\n")

    def has(self, image: str) -> bool:
        return image in self.stored or "/debian:" in image

    def digest(self, name: str) -> str:
        return sha256(f"{name} on {self.debian}".encode())

    def built(self) -> list[str]:
        tags = [argument for command in self.commands for argument in command if argument.startswith("--tag=")]
        return [re.sub(r"--tag=localhost/groundwork/(\w+):\w+", r"\1", tag) for tag in tags]


def source(name: str, base: str | None) -> Source:
    image = Image(budget_mb=1, name=name, containerfile="Containerfile", base=base)
    files = {f"{name}/run.sh": b"#!/bin/sh\n", f"{name}/data": b"1"}
    inputs = f"sha256:{hashlib.sha256(name.encode()).hexdigest()}"
    return Source(
        image=image, containerfile=b"FROM scratch\n", files=files, requirements=None, inputs=inputs, version="1.2"
    )


SOURCES = {"base": source("base", None), **{name: source(name, "base") for name in ("one", "two", "three", "four")}}


@pytest.fixture
def buildah() -> FakeBuildah:
    return FakeBuildah()


@pytest.fixture
def new(buildah: FakeBuildah, authority: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Builder:
    monkeypatch.setattr(builder, "find_uv", lambda: "/usr/bin/uv")
    folder = tmp_path / "build"
    folder.mkdir()
    access = RegistryAccess(ca=authority, login=LOGIN, advice="")
    return Builder(buildah=cast("Buildah", buildah), registry=REGISTRY, access=access, folder=folder, progress=print)


def locked(buildah: FakeBuildah, *names: str) -> dict[str, LockedImage]:
    return {name: SOURCES[name].locked(buildah.digest(name)) for name in names}


def test_the_base_comes_first_and_then_two_at_a_time(new: Builder, buildah: FakeBuildah) -> None:
    new.build(SOURCES, {})
    assert buildah.built()[0] == "base"
    assert sorted(buildah.built()) == sorted(SOURCES)
    assert buildah.most == 2
    assert new.done == locked(buildah, *SOURCES)


def test_only_what_is_missing_is_built_on_the_base_that_is_there(new: Builder, buildah: FakeBuildah) -> None:
    buildah.stored.add(f"localhost/groundwork/base:{SOURCES['base'].tag}")
    new.build(SOURCES, locked(buildah, "base", "one", "two", "three"))
    assert buildah.built() == ["four"]
    assert new.done.keys() == SOURCES.keys()


def test_a_base_that_only_the_registry_has_is_taken_from_there(new: Builder, buildah: FakeBuildah) -> None:
    current = locked(buildah, "base", "one", "two", "three")
    buildah.debian = "12.2"
    new.build(SOURCES, current)
    origin = f"{REGISTRY.push}/base@{current['base'].digest}"
    taken = [command for command in buildah.commands if command[0] in {"pull", "tag"}]
    assert [command[-2:] for command in taken] == [
        (f"--cert-dir={new.folder / 'certificates'}", f"docker://{origin}"),
        (origin, f"localhost/groundwork/base:{SOURCES['base'].tag}"),
    ]
    assert buildah.built() == ["four"]


def test_on_a_base_that_is_built_anew_all_are_built(new: Builder, buildah: FakeBuildah) -> None:
    current = locked(buildah, "one", "two", "three")
    buildah.debian = "12.2"
    new.build(SOURCES, current)
    assert sorted(buildah.built()) == sorted(SOURCES)


def test_what_was_built_before_a_failure_stays_built(new: Builder, buildah: FakeBuildah) -> None:
    buildah.failing = "two"
    with pytest.raises(UserError, match="building two failed"):
        new.build(SOURCES, {})
    assert {"base", "one"} <= new.done.keys()
    assert "two" not in new.done


def test_after_a_failure_no_further_build_begins(new: Builder, buildah: FakeBuildah) -> None:
    buildah.failing = "one"
    with pytest.raises(UserError, match="building one failed"):
        new.build(SOURCES, {})
    assert "four" not in buildah.built()


def test_a_build_sees_only_its_inputs_with_the_same_modes_and_dates_anywhere(
    new: Builder, buildah: FakeBuildah
) -> None:
    new.build(SOURCES, {})
    context = Path(next(command[-1] for command in buildah.commands if command[0] == "bud" and "/one" in command[-1]))
    found = {path.relative_to(context): path.stat() for path in context.rglob("*")}
    modes = {str(path): stat.S_IMODE(status.st_mode) for path, status in found.items()}
    assert modes == {"one": 0o755, "one/run.sh": 0o755, "one/data": 0o644}
    assert {status.st_mtime for status in found.values()} == {0}


def test_a_program_that_is_compiled_for_an_image_lies_beside_its_files(
    new: Builder, buildah: FakeBuildah, tmp_path: Path
) -> None:
    asked: list[tuple[Path, OpenCache]] = []

    def build(_: Callable[[str], None], log: Path, open_cache: OpenCache) -> Path:
        asked.append((log, open_cache))
        (tmp_path / "built").write_bytes(b"\x7fELF")
        return tmp_path / "built"

    image = replace(SOURCES["one"].image, program="tool", compiled=Program(key="1", version="4.5", build=build))
    new.build({"base": SOURCES["base"], "one": replace(SOURCES["one"], image=image)}, {})
    assert asked == [(buildah.log.path, no_cache)]
    program = new.folder / "one/tool"
    assert program.read_bytes() == b"\x7fELF"
    assert (program.stat().st_mode & 0o777, program.stat().st_mtime) == (0o755, 0)


def test_neither_secrets_nor_proxies_are_among_the_arguments(
    new: Builder, buildah: FakeBuildah, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_DEFAULT_INDEX", "https://user:secret@index.example")
    monkeypatch.setenv("HTTPS_PROXY", "http://user:secret@proxy.example")
    new.build(SOURCES, {})
    login = new.folder / "login.json"
    assert find_login(REGISTRY.push, {"REGISTRY_AUTH_FILE": str(login)}) == replace(LOGIN, source=str(login))
    assert stat.S_IMODE(login.stat().st_mode) == 0o600
    assert not any("secret@" in argument for command in cast("list[Any]", buildah.commands) for argument in command)
