"""The Debian packages of a bundle: what a machine must have, with all that these need, as an archive that apt reads."""

import shutil
import subprocess
from pathlib import Path

from scripts.cli.clients.cache.cache import digest_of
from scripts.cli.lifecycle.bundle.downloads import download
from scripts.cli.lifecycle.host import NEEDED

FURTHER = ("ca-certificates", "containernetworking-plugins", "openssl", "python3", "python3-venv")
"""What no program in NEEDED stands for: the commands' own Python, and what verifies a bundle."""


def collect(folder: Path, scratch: Path, log: Path) -> int:
    """Download the packages as for a machine on which nothing is installed; return how many.

    0 where this machine's packages are not Debian's: a bundle for another system needs these installed before.
    scratch: an empty folder for apt's own files: neither this machine's lists nor its packages are touched.
    """
    folder.mkdir()
    if shutil.which("apt-get") is None:
        return 0
    options = _options(scratch)
    wanted = sorted({*NEEDED.values(), *FURTHER})
    apt = ["apt-get", *options, "-q", "-y"]
    download([*apt, "update"], "Debian's package lists", log)
    download([*apt, "--download-only", "--no-install-recommends", "install", *wanted], "Debian packages", log)
    found = sorted((scratch / "cache/archives").glob("*.deb"))
    for package in found:
        shutil.move(package, folder / package.name)
    (folder / "Packages").write_text("\n".join(_entry(folder / package.name) for package in found))
    return len(found)


def _options(scratch: Path) -> list[str]:
    for name in ("state/lists/partial", "cache/archives/partial"):
        (scratch / name).mkdir(parents=True)
    (scratch / "status").touch()  # of a machine without a single package
    settings = {
        "Dir::State": scratch / "state",
        "Dir::State::status": scratch / "status",
        "Dir::Cache": scratch / "cache",
        "APT::Sandbox::User": "root",  # who else may not read a private folder
    }
    return [part for key, value in settings.items() for part in ("-o", f"{key}={value}")]


def _entry(package: Path) -> str:
    """A package's stanza in the index: its own fields, and where and what its file is."""
    fields = subprocess.run(["dpkg-deb", "-f", str(package)], capture_output=True, text=True, check=True).stdout
    digest = digest_of(package).removeprefix("sha256:")
    return f"{fields.rstrip()}\nFilename: ./{package.name}\nSize: {package.stat().st_size}\nSHA256: {digest}\n"
