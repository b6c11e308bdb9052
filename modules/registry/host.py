"""How the building machine reaches package archives: the authorities it trusts, apt's mirror and proxy, uv's index.

A build gets it as secret mounts, so that nothing of it stays in an image.
"""

import os
import re
import shlex
import shutil
import ssl
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from modules.core.versions import DEBIAN

ARCHIVE = "http://deb.debian.org/debian"
SECURITY = "http://deb.debian.org/debian-security"
APT_OPTIONS = re.compile(r'^Acquire::(https?|Check-Date|Check-Valid-Until|Retries|ForceIPv4)\b.*";$')
AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
SECRETS = "/run/secrets"
"""Where the build mounts them."""


@dataclass(frozen=True, kw_only=True)
class Suite:
    """A line of apt's sources: a suite of an archive."""

    url: str
    name: str


def suites(texts: Sequence[str]) -> list[Suite]:
    """The main Debian suites of this release that sources.list files (either format) name; the public ones if none.

    Archives of others (component other than main, suite of another name) are left out.
    """
    wanted = (DEBIAN, f"{DEBIAN}-updates", f"{DEBIAN}-security")
    named = {suite.name: suite for text in texts for suite in _one_line_style(text) + _deb822_style(text)}
    if DEBIAN in named:
        return [named[name] for name in wanted if name in named]
    return [Suite(url=SECURITY if name.endswith("-security") else ARCHIVE, name=name) for name in wanted]


def _one_line_style(text: str) -> list[Suite]:
    lines = re.findall(r"^deb\s+(?:\[[^\]]*\]\s+)?(https?://\S+)\s+(\S+)\s+(.*)$", text, re.MULTILINE)
    return [Suite(url=url, name=name) for url, name, components in lines if "main" in components.split()]


def _deb822_style(text: str) -> list[Suite]:
    found: list[Suite] = []
    for stanza in re.split(r"\n\s*\n", text):
        fields = {key.lower(): value for key, value in re.findall(r"^([\w-]+):[ \t]*(.*)$", stanza, re.MULTILINE)}
        urls = [url for url in fields.get("uris", "").split() if url.startswith(("http://", "https://"))]
        if "deb" in fields.get("types", "").split() and "main" in fields.get("components", "").split() and urls:
            found += [Suite(url=urls[0], name=name) for name in fields.get("suites", "").split()]
    return found


def debian_suites() -> list[Suite]:
    """What `suites` finds in this machine's own sources."""
    folder = Path("/etc/apt")
    files = [folder / "sources.list", *sorted(folder.glob("sources.list.d/*.list"))]
    files += sorted(folder.glob("sources.list.d/*.sources"))
    return suites([path.read_text() for path in files if path.is_file()])


def apt_options() -> list[str]:
    """apt's settings on this machine that say how an archive is reached: proxy, authorities, checks of dates."""
    if shutil.which("apt-config") is None:
        return []
    dump = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=False).stdout
    return [line for line in dump.splitlines() if APT_OPTIONS.match(line)]


def archive_proxy() -> dict[str, str]:
    """The proxy that apt uses, for programs that read it from the environment; an environment's own goes first."""
    found = re.search(r'^Acquire::http::Proxy "(http[^"]+)";$', "\n".join(apt_options()), re.MULTILINE)
    return {"http_proxy": found.group(1), **os.environ} if found else dict(os.environ)


def write_secrets(folder: Path, environment: Mapping[str, str]) -> dict[str, Path]:
    """Writes what a build may read to a private folder; returns the files by secret name.

    environment: this machine's environment variables: SSL_CERT_FILE and uv's own are read.
    """
    configuration = Path(environment.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    found = {
        "ca.pem": _first(environment.get("SSL_CERT_FILE"), ssl.get_default_verify_paths().cafile, AUTHORITIES),
        "uv.toml": _first(configuration / "uv/uv.toml", "/etc/uv/uv.toml"),
    }
    sources = [f"deb {suite.url} {suite.name} main" for suite in debian_suites()]
    options = [*apt_options(), f'Dir::Etc::sourcelist "{SECRETS}/debian.list";', 'Dir::Etc::sourceparts "-";']
    if found["ca.pem"]:
        options.append(f'Acquire::https::CaInfo "{SECRETS}/ca.pem";')
    index = [f"export {key}={shlex.quote(value)}" for key, value in environment.items() if re.match("UV_.*INDEX", key)]
    texts = {"debian.list": sources, "apt.conf": options, "uv.env": index}
    written = {name: _write(folder / name, "\n".join(lines) + "\n") for name, lines in texts.items()}
    return written | {name: path for name, path in found.items() if path}


def _first(*candidates: str | Path | None) -> Path | None:
    return next((Path(path) for path in candidates if path and Path(path).is_file()), None)


def _write(path: Path, text: str) -> Path:
    path.touch(mode=0o600)
    path.write_text(text)
    return path
