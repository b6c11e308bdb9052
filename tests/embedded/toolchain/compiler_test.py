import os
import zipfile
from pathlib import Path

import pytest

from embedded.toolchain import compiler
from modules.core.errors import UserError
from modules.core.images import own_architecture

VERSION = f"v0.0.1-go{compiler.RELEASE}.linux-{own_architecture()}"
PREFIX = f"golang.org/toolchain@{VERSION}"
FILES = {
    "VERSION": "go",
    "bin/go": "#!/bin/sh\n",
    "pkg/tool/linux/compile": "#!/bin/sh\n",
    "src/_go.mod": "module std\n",
}


@pytest.fixture
def proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module proxy in a folder, whose archive has the sum that is pinned."""
    archive = tmp_path / f"proxy/golang.org/toolchain/@v/{VERSION}.zip"
    archive.parent.mkdir(parents=True)
    write(archive, FILES)
    monkeypatch.setenv("GOPROXY", f"https://proxy.invalid,file://{tmp_path}/proxy")
    with zipfile.ZipFile(archive) as opened:
        monkeypatch.setitem(compiler.SUMS, own_architecture(), compiler.module_sum(opened))
    return archive


def write(archive: Path, files: dict[str, str]) -> None:
    with zipfile.ZipFile(archive, "w") as opened:
        for name, content in files.items():
            opened.writestr(f"{PREFIX}/{name}", content)


def install(tmp_path: Path) -> Path:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    compiler.install(tmp_path / "go", scratch)
    return tmp_path / "go"


@pytest.mark.usefixtures("proxy")
def test_go_is_unpacked_from_the_first_proxy_that_has_it(tmp_path: Path) -> None:
    go = install(tmp_path)
    assert {str(path.relative_to(go)) for path in go.rglob("*") if path.is_file()} == {
        "VERSION",
        "bin/go",
        "pkg/tool/linux/compile",
        "src/go.mod",
    }
    assert os.access(go / "bin/go", os.X_OK)
    assert os.access(go / "pkg/tool/linux/compile", os.X_OK)
    assert not os.access(go / "VERSION", os.X_OK)


@pytest.mark.parametrize("change", [{"bin/go": "#!/bin/sh\ncurl evil\n"}, {"src/more.go": "package main"}])
def test_another_content_than_the_pinned_one_is_refused(tmp_path: Path, proxy: Path, change: dict[str, str]) -> None:
    write(proxy, FILES | change)
    with pytest.raises(UserError, match=r"expected h1:.* somebody changed it"):
        install(tmp_path)
    assert not (tmp_path / "go").exists()


def test_a_proxy_that_lacks_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOPROXY", f"file://{tmp_path}/nowhere,off,file://{tmp_path}/never")
    with pytest.raises(UserError, match=r"nowhere/golang\.org.*Name a proxy in GOPROXY"):
        install(tmp_path)


def test_of_a_persons_settings_of_go_only_the_way_to_modules_counts(tmp_path: Path) -> None:
    given = {"GOFLAGS": "-toolexec=/tmp/evil", "GOROOT": "/elsewhere", "GOCACHEPROG": "/tmp/evil", "GONOSUMDB": "*"}
    kept = {"GOPROXY": "https://mirror.example", "GOOGLE_APPLICATION_CREDENTIALS": "/key", "PATH": "/bin"}
    home = {"HOME": str(tmp_path)}
    assert compiler.go_environment(given | kept | home) == kept | home | {"GOENV": "off"}
    (tmp_path / ".config/go").mkdir(parents=True)
    (tmp_path / ".config/go/env").write_text("GOPROXY=https://written.example\nGOFLAGS=-mod=mod\n")
    assert compiler.go_environment(home) == home | {"GOENV": "off", "GOPROXY": "https://written.example"}
    assert compiler.go_environment(home | kept)["GOPROXY"] == "https://mirror.example"
