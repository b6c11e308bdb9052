"""The Go compiler: Go's own release, held to the sum that is pinned here before anything of it runs.

Go publishes each release as a module too, golang.org/toolchain, whose sum stands in the public log sum.golang.org.
"""

import hashlib
import os
import re
import shutil
import ssl
import zipfile
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path

from modules.core.errors import UserError
from modules.core.images import own_architecture

# renovate: datasource=golang-version depName=go
RELEASE = "1.27.3"
SUMS = {
    "amd64": "h1:r0ub+FnqzZxoWm/dSUOI9DcIqYWn/mNYGFJcv7PyBzs=",
    "arm64": "h1:VY4gDzfxOrsM17J2qtgZgiAIsWhp7XWK1jMfE3kXV0s=",
}
"""Of the release for Linux, by architecture: https://sum.golang.org/lookup/golang.org/toolchain@v0.0.1-goRELEASE.linux-ARCH"""
PROXY = "https://proxy.golang.org,direct"
"""What Go asks where nothing else is set."""
DIRECT = "https://go.dev/dl/mod"
"""Where golang.org/toolchain says that it is, for those who ask no proxy."""
OWN_VARIABLE = re.compile(r"GO[A-Z0-9]+")
REACH = ("GOPROXY", "GONOPROXY", "GOINSECURE", "GOAUTH")
"""Variables of Go that say how modules are reached. What is compiled is pinned by go.sum, whoever sends it."""
EXECUTABLE = re.compile(r"bin/|pkg/tool/")


def go_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return a person's variables without those of Go, which may change what is compiled or run other programs; those
    by which modules are reached stay, also where `go env -w` wrote them."""
    kept = {name: value for name, value in environment.items() if not OWN_VARIABLE.fullmatch(name)}
    return {**kept, **_reach(environment), "GOENV": "off"}


def install(target: Path, scratch: Path) -> None:
    """Download this machine's Go, verify it and put it into `target`, which is not there yet.

    scratch: a folder that the caller removes. Raise UserError where it can't be had, or has another sum.
    """
    version = f"v0.0.1-go{RELEASE}.linux-{own_architecture()}"
    if own_architecture() not in SUMS:
        raise UserError(f"toolchain: no Go is pinned for {own_architecture()}; expected {' or '.join(SUMS)}")
    archive = scratch / "go.zip"
    _download(f"golang.org/toolchain/@v/{version}.zip", archive, _reach(os.environ).get("GOPROXY") or PROXY)
    with zipfile.ZipFile(archive) as opened:
        _verify(opened, SUMS[own_architecture()])
        _unpack(opened, f"golang.org/toolchain@{version}/", scratch / "go")
    (scratch / "go").rename(target)


def module_sum(archive: zipfile.ZipFile) -> str:
    """Return the sum of a module's archive as go.sum has it (h1)."""
    lines = [f"{_sha256(archive, name)}  {name}\n" for name in sorted(archive.namelist())]
    return f"h1:{b64encode(hashlib.sha256(''.join(lines).encode()).digest()).decode()}"


def _reach(environment: Mapping[str, str]) -> dict[str, str]:
    configuration = environment.get("XDG_CONFIG_HOME") or Path(environment.get("HOME", "/"), ".config")
    file = Path(environment.get("GOENV") or Path(configuration, "go/env"))
    lines = file.read_text().splitlines() if file.is_file() else []
    written = dict(line.split("=", 1) for line in lines if "=" in line)
    found = {name: environment.get(name) or written.get(name) for name in REACH}
    return {name: value for name, value in found.items() if value}


def _download(path: str, target: Path, proxies: str) -> None:
    """Tries one proxy after another: what comes is verified, so that it does not matter which one sent it."""
    problems: list[str] = []
    for proxy in re.split(r"[,|]", proxies):
        if proxy == "off":
            break
        address = f"{(DIRECT if proxy == 'direct' else proxy).rstrip('/')}/{path}"
        if problem := _fetch(address, target):
            problems.append(problem)
        else:
            return
    raise UserError(
        f"toolchain: Go {RELEASE} can't be fetched: {'; '.join(problems) or 'GOPROXY allows no proxy'}. "
        "Name a proxy in GOPROXY that has the module golang.org/toolchain, or run it again"
    )


def _fetch(address: str, target: Path) -> str | None:
    """Writes what an address returns to a file; returns what went wrong, without a login that is in it."""
    import httpx

    try:
        if address.startswith("file://"):
            shutil.copyfile(address.removeprefix("file://"), target)
            return None
        with (
            httpx.Client(verify=ssl.create_default_context(), follow_redirects=True, timeout=60) as client,
            client.stream("GET", address) as response,
            target.open("wb") as file,
        ):
            response.raise_for_status()
            for chunk in response.iter_bytes():
                file.write(chunk)
    except httpx.HTTPStatusError as error:
        return f"{error.request.url.host}: HTTP {error.response.status_code}"
    except httpx.HTTPError as error:
        return f"{httpx.URL(address).host}: {error}"
    except httpx.InvalidURL as error:
        return f"an address of GOPROXY is none: {error}"
    except OSError as error:
        return str(error)
    return None


def _verify(archive: zipfile.ZipFile, expected: str) -> None:
    found = module_sum(archive)
    if found != expected:
        raise UserError(
            f"toolchain: Go {RELEASE} as it was fetched has the sum {found}, expected {expected}: somebody changed it. "
            "Nothing of it was used. Find out what GOPROXY leads to"
        )


def _unpack(archive: zipfile.ZipFile, prefix: str, target: Path) -> None:
    """Modules know no permissions, and no go.mod below their own: both are put back, as `go` does it."""
    for name in archive.namelist():
        relative = name.removeprefix(prefix)
        path = target / relative
        if path.name == "_go.mod":
            path = path.with_name("go.mod")
        path.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(name) as source, path.open("wb") as file:
            shutil.copyfileobj(source, file)
        if EXECUTABLE.match(relative):
            path.chmod(0o755)


def _sha256(archive: zipfile.ZipFile, name: str) -> str:
    return hashlib.sha256(archive.read(name)).hexdigest()
