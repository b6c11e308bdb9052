import fcntl
import re
import shutil
import threading
import time
from pathlib import Path

import pytest

from embedded.toolchain import build
from embedded.toolchain.compiler import RELEASE
from embedded.toolchain.programs import program
from embedded.toolchain.targets import (
    BUILD_TARGETS,
    IMAGE_TARGETS,
    KARPENTER,
    KARPENTER_KWOK,
    TEST_TARGETS,
    BuildTarget,
    Replacement,
    pinned_version,
)

TARGETS = (*BUILD_TARGETS, *IMAGE_TARGETS, KARPENTER, KARPENTER_KWOK, *TEST_TARGETS)


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_every_target_pins_its_sources_and_their_checksums(target: BuildTarget) -> None:
    names = {source.name for source in target.sources()}
    assert "go.mod" in names
    needs_others = "require" in (target.folder / "go.mod").read_text()
    assert ("go.sum" in names) == needs_others


@pytest.mark.parametrize("target", [each for each in TARGETS if each.replacement], ids=lambda target: target.name)
def test_a_module_that_is_built_in_part_is_held_to_its_checksums(target: BuildTarget) -> None:
    """`go mod tidy` drops them: it fetches nothing in the place of which a folder is."""
    assert target.replacement
    module = target.replacement.module
    text = (target.folder / "go.mod").read_text()
    assert re.search(rf"^\s*{re.escape(module)} => \./{target.replacement.place}$", text, re.MULTILINE)
    version = pinned_version(target.folder / "go.mod", module)
    sums = (target.folder / "go.sum").read_text()
    assert f"{module} {version} h1:" in sums
    assert f"{module} {version}/go.mod h1:" in sums


def test_own_files_take_the_place_of_one_folder_of_a_published_module(tmp_path: Path) -> None:
    for name in ("target/ours/small.go", "module/go.mod", "module/a/a.go", "module/b/large.go", "module/b/c/c.go"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    replacement = Replacement(module="example.org/module", folder="b", files="ours", place="_module")
    overlay = replacement.overlay(tmp_path / "target", tmp_path / "module")
    place = f"{tmp_path}/target/_module"
    assert overlay == {
        f"{place}/go.mod": f"{tmp_path}/module/go.mod",
        f"{place}/a/a.go": f"{tmp_path}/module/a/a.go",
        f"{place}/b/small.go": f"{tmp_path}/target/ours/small.go",
    }


def test_a_program_of_an_image_has_the_version_that_people_know() -> None:
    versions = {target.name: program(target.name).version for target in (*IMAGE_TARGETS, *TEST_TARGETS)}
    traefik = next(target for target in TEST_TARGETS if target.name == "traefik")
    assert versions["traefik"] == pinned_version(traefik.folder / "go.mod", "github.com/traefik/traefik/v3")[1:]
    assert re.fullmatch(r"4\.\d\d", versions["weed"])


def test_a_program_that_is_no_release_carries_its_commit() -> None:
    weed = next(target for target in IMAGE_TARGETS if target.name == "weed")
    assert pinned_version(weed.folder / "go.mod", "github.com/seaweedfs/seaweedfs").endswith(
        weed.linker_flags().rpartition("version.COMMIT=")[2]
    )


def test_a_binary_carries_the_version_that_go_mod_pins() -> None:
    kubernetes = next(target for target in BUILD_TARGETS if target.name == "kubernetes")
    version = pinned_version(kubernetes.folder / "go.mod", "k8s.io/kubernetes")
    major, minor, _ = version.removeprefix("v").split(".")
    flags = kubernetes.linker_flags()
    assert f"gitVersion={version}" in flags
    assert f"gitMajor={major} " in flags
    assert flags.endswith(f"gitMinor={minor}")


def test_a_module_that_is_not_required_has_no_version(tmp_path: Path) -> None:
    go_mod = tmp_path / "go.mod"
    go_mod.write_text("module example\n\nrequire (\n\texample.org/there v1.2.3\n)\n")
    assert pinned_version(go_mod, "example.org/there") == "v1.2.3"
    with pytest.raises(ValueError, match=r"requires no example\.org/elsewhere"):
        pinned_version(go_mod, "example.org/elsewhere")


def test_the_key_changes_with_a_source_and_with_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("embedded.toolchain.targets.HERE", tmp_path)
    folder = tmp_path / "tool"
    folder.mkdir()
    (folder / "go.mod").write_text("module tool\n")
    (folder / "README.md").write_text("not a source\n")
    target = BuildTarget(name="tool")
    key = build.target_key(target, "1.27.3")
    assert key == build.target_key(target, "1.27.3")
    assert key != build.target_key(target, "1.27.4")
    (folder / "README.md").write_text("changed\n")
    assert key == build.target_key(target, "1.27.3")
    assert key != build.target_key(BuildTarget(name="tool", tags=("large",)), "1.27.3")
    (folder / "main.go").write_text("package main\n")
    assert key != (second := build.target_key(target, "1.27.3"))
    (folder / "inner").mkdir()
    (folder / "inner/inner.go").write_text("package inner\n")
    assert second != build.target_key(target, "1.27.3")


def test_only_what_was_built_stays_when_all_is_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "toolchain_home", lambda: tmp_path)
    target = BuildTarget(name="pause")

    def compiled(*_: object) -> None:
        binary = tmp_path / f"pause-{build.target_key(target, RELEASE)}" / "pause"
        binary.parent.mkdir()
        binary.touch()
        module = tmp_path / "go" / "mod" / "example.org"
        module.mkdir(parents=True)
        (module / "read-only").touch()
        module.chmod(0o500)

    monkeypatch.setattr(build, "_build_all", compiled)
    tools = build.ensure(lambda _: None, tmp_path / "log", [target])
    build.tidy(lambda _: None)
    assert (tools / "pause").exists()
    assert not (tmp_path / "go").exists()
    build.tidy(lambda _: None)  # a second time there is nothing to remove


def test_what_a_kill_leaves_of_the_compilers_caches_is_not_taken_for_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "toolchain_home", lambda: tmp_path)
    (tmp_path / "go/mod/example.org").mkdir(parents=True)

    def killed(_: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            build.tidy(lambda _: None)
    assert not (tmp_path / "go").exists()
    build.tidy(lambda _: None)
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]


def test_a_second_run_waits_for_the_one_that_builds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "toolchain_home", lambda: tmp_path)
    target, reported = BuildTarget(name="pause"), list[str]()
    binary = tmp_path / f"pause-{build.target_key(target, RELEASE)}" / "pause"
    binary.parent.mkdir()
    binary.touch()
    with (tmp_path / "lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        second = threading.Thread(target=build.ensure, args=(reported.append, tmp_path / "log", [target]))
        second.start()
        while not reported:
            time.sleep(0.01)
        assert reported == ["waiting for another run that builds"]
        assert not build.bin_folder([target]).exists()
    second.join(10)
    assert build.bin_folder([target]).exists()


KUBERNETES_CLIENTS = ("coredns", "kube-router", "kubernetes", "kwok", "metrics-server")
STAGED = "v0.0.0"
"""How Kubernetes requires its own modules, which it replaces by those of its release."""


def modules(target: str) -> dict[str, tuple[str, str]]:
    """By module of a target's go.mod: the version that is required, and the one that is compiled in its place. Both are
    in the keys of Go's cache."""
    text = next(each for each in BUILD_TARGETS if each.name == target).folder.joinpath("go.mod").read_text()
    required = re.findall(r"^(?:require )?\s*([\w.-]+\.[\w./-]+) (v\S+)", text, re.MULTILINE)
    replaced = dict(re.findall(r"^(?:replace )?\s*(\S+) => \S+ (v\S+)", text, re.MULTILINE))
    return {module: (version, replaced.get(module, version)) for module, version in required}


def test_what_clients_of_kubernetes_have_in_common_is_compiled_once() -> None:
    versions: dict[str, set[tuple[str, str]]] = {}
    for target in KUBERNETES_CLIENTS:
        for module, version in modules(target).items():
            if version[0] != STAGED:
                versions.setdefault(module, set()).add(version)
    assert "k8s.io/client-go" in versions
    assert {module: found for module, found in versions.items() if len(found) > 1} == {}
