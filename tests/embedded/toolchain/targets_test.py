import fcntl
import re
import threading
import time
from pathlib import Path

import pytest

from embedded.toolchain import build
from embedded.toolchain.targets import BUILD_TARGETS, BuildTarget, pinned_version


@pytest.mark.parametrize("target", BUILD_TARGETS, ids=lambda target: target.name)
def test_every_target_pins_its_sources_and_their_checksums(target: BuildTarget) -> None:
    names = {source.name for source in target.sources()}
    assert "go.mod" in names
    needs_others = "require" in (target.folder / "go.mod").read_text()
    assert ("go.sum" in names) == needs_others


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
    (folder / "main.go").write_text("package main\n")
    assert key != build.target_key(target, "1.27.3")


def test_only_what_was_built_stays_when_all_is_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "toolchain_home", lambda: tmp_path)
    target = BuildTarget(name="pause")

    def compiled(*_: object) -> None:
        binary = tmp_path / f"pause-{build.target_key(target, build.go_release())}" / "pause"
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


def test_a_second_run_waits_for_the_one_that_builds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "toolchain_home", lambda: tmp_path)
    target, reported = BuildTarget(name="pause"), list[str]()
    binary = tmp_path / f"pause-{build.target_key(target, build.go_release())}" / "pause"
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


def test_the_go_release_is_the_one_that_the_lock_file_pins() -> None:
    assert build.go_release().count(".") == 2


KUBERNETES_CLIENTS = ("coredns", "kube-router", "kubernetes", "kwok", "metrics-server")
COMPILED_ONCE = (
    *("golang.org/x/net", "golang.org/x/sys", "golang.org/x/text", "google.golang.org/protobuf"),
    *("k8s.io/api", "k8s.io/apimachinery", "k8s.io/client-go", "k8s.io/kube-openapi", "k8s.io/utils"),
    "sigs.k8s.io/structured-merge-diff/v6",
)


def effective_version(target: str, module: str) -> str:
    """The version that is compiled: that of a `replace`, where there is one."""
    text = next(each for each in BUILD_TARGETS if each.name == target).folder.joinpath("go.mod").read_text()
    replaced = re.search(rf"^(?:replace )?\s*{re.escape(module)} => \S+ (v\S+)", text, re.MULTILINE)
    return replaced.group(1) if replaced else re.findall(rf"^\s*{re.escape(module)} (v\S+)", text, re.MULTILINE)[0]


@pytest.mark.parametrize("module", COMPILED_ONCE)
def test_what_all_clients_of_kubernetes_are_built_of_is_compiled_once(module: str) -> None:
    assert len({effective_version(target, module) for target in KUBERNETES_CLIENTS}) == 1
