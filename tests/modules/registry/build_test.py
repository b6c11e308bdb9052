from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from modules.core import images as lock
from modules.core.artifacts import Artifacts, OpenCache, no_cache
from modules.core.contracts import Registry
from modules.core.errors import UserError
from modules.core.images import Image, LockedImage, read_images, write_images
from modules.registry import build, record, sboms
from modules.registry.access import RegistryAccess
from modules.registry.build import build_images, check_images
from modules.registry.images import Source, sha256
from modules.registry.record import Recorded, add_to_record, read_record
from tests.scripts.cli.fakes import always

ACCESS = RegistryAccess(advice="")
"""Of a registry of somebody else."""
OWN = RegistryAccess(advice="", own=True)
"""Of the registry of this machine's cluster."""
REGISTRY = Registry(push="registry.test:5000/groundwork", pull="registry.test:5000/groundwork")


def source(name: str) -> Source:
    image = Image(budget_mb=1, name=name, containerfile="Containerfile")
    inputs = sha256(name.encode())
    return Source(image=image, containerfile=b"", files={}, requirements=None, inputs=inputs, version="1.2")


SOURCES = {name: source(name) for name in ("base", "one")}
BUILT = {name: s.locked(sha256(name.encode() * 2)) for name, s in SOURCES.items()}


class Held:
    """A registry that holds the built images of some names; `elsewhere`: in the repositories of another stack."""

    def __init__(
        self, *names: str, refusing: bool = False, access: RegistryAccess = ACCESS, elsewhere: str | None = None
    ) -> None:
        self.address, self.path = REGISTRY.push, "groundwork"
        self.access = access
        self.refusing = refusing
        self.elsewhere = elsewhere
        self.by_digest = {name: BUILT[name].digest for name in names}
        self.by_tag = {name: SOURCES[name].tag for name in names}

    def __call__(self, *_: object) -> "nullcontext[Held]":
        return nullcontext(self)

    def check_push(self, name: str) -> None:
        if self.refusing:
            raise UserError(f"may not push {name}")

    def take(self, name: str, tag: str, digest: str, repository: str) -> bool:
        if repository != f"{self.elsewhere}/{name}":
            return False
        self.by_tag[name], self.by_digest[name] = tag, digest
        return True

    def find(self, references: Mapping[str, str]) -> dict[str, str]:
        return {
            name: self.by_digest[name]
            for name, reference in references.items()
            if name in self.by_tag and reference in {self.by_tag[name], self.by_digest[name]}
        }


def no_buildah(*_: object) -> nullcontext[None]:
    return nullcontext()


class FakeBuilder:
    """Builds everything that is not there; fails after the base where `failing`."""

    failing = False
    seen: Mapping[str, LockedImage]

    def __init__(self, **_: object) -> None:
        self.done: dict[str, LockedImage] = {}
        self.built: list[str] = []

    def build(self, sources: Mapping[str, Source], current: Mapping[str, LockedImage]) -> None:
        type(self).seen = current
        self.done = dict(current)
        for name in sources:
            if name not in current:
                self.done[name] = BUILT[name]
                self.built.append(name)
            if self.failing:
                raise UserError("images: building one failed")


@pytest.fixture(autouse=True)
def around(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> type[FakeBuilder]:
    """Everything around the code under test: sources, caches, the lock file, the builder."""

    class Fresh(FakeBuilder):
        pass

    (tmp_path / "stacks").mkdir()
    monkeypatch.setattr(build, "read_sources", always(SOURCES))
    monkeypatch.setattr(build, "require_builds", always(None))
    monkeypatch.setattr(build, "cache_home", lambda: tmp_path / "cache")
    monkeypatch.setattr(record, "cache_home", lambda: tmp_path / "cache")
    monkeypatch.setattr(lock, "REPOSITORY", tmp_path)
    monkeypatch.setattr(build, "Buildah", no_buildah)
    monkeypatch.setattr(build, "Builder", Fresh)
    no_images: dict[str, LockedImage] = {}
    monkeypatch.setattr(sboms, "without_sbom", always(no_images))
    return Fresh


KEY = Ed25519PrivateKey.generate()


def run(tmp_path: Path, access: RegistryAccess = ACCESS, open_cache: OpenCache = no_cache) -> str:
    """Brings the images of the environment `test`; returns the last line that was reported."""
    reported: list[str] = []
    build_images(
        "test",
        (),
        registry=REGISTRY,
        access=access,
        progress=reported.append,
        log=tmp_path / "log",
        open_cache=open_cache,
        open_key=lambda: KEY,
    )
    return reported[-1]


def recorded(*names: str, path: str = "groundwork") -> dict[str, Recorded]:
    return {SOURCES[name].inputs: Recorded(digest=BUILT[name].digest, repository=f"{path}/{name}") for name in names}


def test_what_is_missing_is_built_and_written_down(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(build, "Remote", Held())
    assert run(tmp_path) == "2 built, 0 unchanged"
    assert read_images("test") == BUILT


def test_the_second_time_nothing_is_built(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    write_images("test", BUILT)
    monkeypatch.setattr(build, "Remote", Held("base", "one"))
    monkeypatch.setattr(build, "Builder", None)
    assert run(tmp_path) == "2 unchanged"


def test_what_others_built_is_found_in_their_registry_by_its_inputs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(build, "Remote", Held("base", "one"))
    monkeypatch.setattr(build, "Builder", None)
    assert run(tmp_path) == "2 unchanged"
    assert read_images("test") == BUILT


def test_what_lies_under_the_next_tag_of_an_own_registry_is_not_believed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write_images("test", BUILT)  # nor what only the environment's file says
    monkeypatch.setattr(build, "Remote", Held("base", "one", access=OWN))
    assert run(tmp_path, OWN) == "2 built, 0 unchanged"
    assert read_record() == recorded("base", "one")


def test_what_this_machine_recorded_and_its_registry_has_is_not_built(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    add_to_record(recorded("base", "one"))
    monkeypatch.setattr(build, "Remote", Held("base", "one", access=OWN))
    monkeypatch.setattr(build, "Builder", None)
    assert run(tmp_path, OWN) == "2 unchanged"
    assert read_images("test") == BUILT


def test_what_this_machine_recorded_and_its_registry_lost_is_built_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    add_to_record(recorded("base", "one"))
    monkeypatch.setattr(build, "Remote", Held("base", access=OWN))
    assert run(tmp_path, OWN) == "1 built, 1 unchanged"


def test_what_this_machine_made_for_another_stack_is_taken_from_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    add_to_record(recorded("base", "one", path="second"))
    monkeypatch.setattr(build, "Remote", Held(access=OWN, elsewhere="second"))
    monkeypatch.setattr(build, "Builder", None)
    assert run(tmp_path, OWN) == "2 unchanged"
    assert read_images("test") == BUILT


def test_what_a_cache_brought_is_recorded_in_an_own_registry_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, artifacts: Artifacts
) -> None:
    held = Held(access=OWN)

    def fetch(source: Source, *_: object) -> str:
        name = source.image.name
        held.by_tag[name], held.by_digest[name] = source.tag, BUILT[name].digest
        return BUILT[name].digest

    monkeypatch.setattr(build.shared, "fetch", fetch)
    monkeypatch.setattr(build, "Builder", None)
    monkeypatch.setattr(build, "Remote", held)
    assert run(tmp_path, OWN, always(artifacts)) == "2 fetched, 0 unchanged"
    assert read_record() == recorded("base", "one")
    held.access = ACCESS
    record.record_file().unlink()
    held.by_tag.clear()
    assert run(tmp_path, ACCESS, always(artifacts)) == "2 fetched, 0 unchanged"
    assert read_record() == {}


def test_what_the_registry_lost_is_built_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, around: type[FakeBuilder]
) -> None:
    write_images("test", BUILT)
    monkeypatch.setattr(build, "Remote", Held("base"))
    assert run(tmp_path) == "1 built, 1 unchanged"
    assert around.seen.keys() == {"base"}


def test_changed_inputs_are_built_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    previous = BUILT["one"].model_copy(update={"inputs": sha256(b"previous")})
    write_images("test", {**BUILT, "one": previous})
    held = Held("base", "one")
    held.by_tag["one"] = "previous"
    monkeypatch.setattr(build, "Remote", held)
    assert run(tmp_path) == "1 built, 1 unchanged"
    assert read_images("test") == BUILT


def test_a_registry_that_takes_no_images_is_refused_before_anything_is_built(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(build, "Remote", Held(refusing=True))
    monkeypatch.setattr(build, "Builder", None)
    with pytest.raises(UserError, match="may not push base"):
        run(tmp_path)
    with pytest.raises(UserError, match="may not push base"):
        check_images("test", (), registry=REGISTRY, access=ACCESS)


def test_images_without_an_sbom_get_one_whether_they_were_built_or_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made: list[object] = []

    def attach(images: object, sources: object, *, remote: object, key: object) -> None:
        del sources, remote
        made.append((images, key))

    monkeypatch.setattr(build, "Remote", Held("base"))
    monkeypatch.setattr(sboms, "without_sbom", always(BUILT))
    monkeypatch.setattr(sboms, "attach", attach)
    assert run(tmp_path) == "1 built, 1 unchanged; 2 SBOMs made"
    monkeypatch.setattr(build, "Remote", Held("base", "one"))
    assert run(tmp_path) == "2 unchanged; 2 SBOMs made"
    assert made == [(BUILT, KEY)] * 2


def test_a_registry_that_takes_no_sboms_does_not_stop_the_platform(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise UserError("may not push")

    monkeypatch.setattr(build, "Remote", Held("base", "one"))
    monkeypatch.setattr(sboms, "without_sbom", always(BUILT))
    monkeypatch.setattr(sboms, "attach", refused)
    assert run(tmp_path) == "2 unchanged; SBOMs are missing: may not push"


def test_what_would_be_built_is_told_without_building(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "Builder", None)
    monkeypatch.setattr(build, "Remote", Held("base"))
    assert check_images("test", (), registry=REGISTRY, access=ACCESS) == ["one"]
    monkeypatch.setattr(build, "Remote", Held("base", "one", refusing=True))
    assert check_images("test", (), registry=REGISTRY, access=ACCESS) == []


def test_after_a_failure_what_was_built_is_written_down(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, around: type[FakeBuilder]
) -> None:
    monkeypatch.setattr(build, "Remote", Held())
    around.failing = True
    with pytest.raises(UserError, match="building one failed"):
        run(tmp_path)
    assert read_images("test").keys() == {"base"}


def test_after_a_failure_what_was_built_for_an_own_registry_is_recorded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, around: type[FakeBuilder]
) -> None:
    monkeypatch.setattr(build, "Remote", Held(access=OWN))
    around.failing = True
    with pytest.raises(UserError, match="building one failed"):
        run(tmp_path, OWN)
    assert read_record() == recorded("base")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("images: [", "not YAML"),
        ("", "document is None"),
        ("image: {}", r"images is .*Field required"),
        ("images: {a: {digest: sha256:1, inputs: sha256:2}}", r"images\.a\.digest is 'sha256:1'"),
        ("images: {}\nmore: 1", "more is 1"),
    ],
)
def test_a_file_that_is_not_one_of_ours_is_refused(text: str, message: str) -> None:
    lock.lock_file("test").write_text(text)
    with pytest.raises(UserError, match=message):
        read_images("test")
