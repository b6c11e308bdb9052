"""`groundwork bundle create`: everything into one folder, then the folder into one signed file."""

import json
import os
import platform
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

from modules.core.errors import UserError
from modules.core.images import read_images
from modules.core.paths import REPOSITORY, cache_home
from scripts.cli.clients.cache.cache import Cache, digest_of
from scripts.cli.clients.cache.signing import TRUSTED_VARIABLE, signing_key
from scripts.cli.environment import Environment
from scripts.cli.lifecycle.artifacts import Push, public_key, require_running
from scripts.cli.lifecycle.bundle import packages, sbom, wheels
from scripts.cli.output import note, print_json
from scripts.cli.steps import Progress, Runner, Step, run_or_exit

SUMS = "SHA256SUMS"
SIGNATURE = f"{SUMS}.sig"


class Create:
    """The steps that make a bundle of what one stack runs."""

    def __init__(self, environment: Environment, folder: Path, target: Path) -> None:
        self.environment = environment
        self.content = folder / "content"
        self.content.mkdir()
        self.scratch = folder / "scratch"
        self.scratch.mkdir()
        self.target = target
        self.log = environment.home / "logs" / f"bundle-{time.strftime('%Y%m%d-%H%M%S')}.log"
        self.push = Push(environment, Cache(str(self.content / "cache")))

    def steps(self) -> list[Step]:
        return [
            *self.push.steps(),
            Step(name="wheels", title="Python packages", run=self.wheels),
            Step(name="packages", title="Host packages", run=self.packages),
            Step(
                name="sbom",
                title="Bill of materials",
                run=self.sbom,
                needs=("toolchain", "images", "wheels", "packages"),
            ),
            Step(name="file", title="Signed file", run=self.file, needs=("sbom",)),
        ]

    def wheels(self, progress: Progress) -> None:
        progress("downloading")
        progress(f"{wheels.collect(self.content / 'wheels', self.log)} wheels")

    def packages(self, progress: Progress) -> None:
        progress("downloading")
        progress(f"{packages.collect(self.content / 'packages', self.scratch / 'apt', self.log)} packages")

    def sbom(self, progress: Progress) -> None:
        progress("reading what is in binaries and images")
        index = self.content / "packages" / "Packages"
        text = sbom.document(
            binaries=[self.environment.tools / target.name for target in self.environment.build_targets],
            packages=index.read_text() if index.exists() else "",
            images=read_images(self.environment.stack),
            groups=sorted({image.group for image in self.environment.settings.images() if image.group}),
            blobs=self.content / "cache/blobs/sha256",
        )
        (self.content / "sbom.cdx.json").write_text(text)
        progress(f"{len(json.loads(text)['components'])} components")

    def file(self, progress: Progress) -> None:
        progress("computing digests")
        (self.content / "bundle.json").write_text(json.dumps(self.about(), indent=1))
        files = sorted(path for path in self.content.rglob("*") if path.is_file())
        (self.content / SUMS).write_text(sums(files, self.content))
        (self.content / SIGNATURE).write_bytes(signing_key().sign((self.content / SUMS).read_bytes()))
        progress(f"writing {self.target}")
        unfinished = self.target.with_name(f".{self.target.name}.{os.getpid()}")
        try:
            pack((self.content / SUMS, self.content / SIGNATURE, *files), self.content, unfinished)
            unfinished.replace(self.target)
        finally:
            unfinished.unlink(missing_ok=True)
        progress(f"{self.target}, {self.target.stat().st_size / 1e6:.0f} MB")

    def about(self) -> dict[str, str]:
        """What the bundle is for: scripts/bundle refuses it for another version, and for another processor."""
        commit = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=REPOSITORY, capture_output=True, text=True, check=False
        ).stdout.strip()
        return {
            "version": version("groundwork"),
            "commit": commit,
            "lock": digest_of(REPOSITORY / "uv.lock"),
            "machine": platform.machine(),
        }


def sums(files: Iterable[Path], folder: Path) -> str:
    """Return the digests of files, as `sha256sum --check` reads them."""
    return "".join(f"{digest_of(path).removeprefix('sha256:')}  {path.relative_to(folder)}\n" for path in files)


def pack(files: Iterable[Path], folder: Path, target: Path) -> None:
    """Write an archive of files that are nobody's: what is in them is compressed already."""

    def anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.uid = member.gid = member.mtime = 0
        member.uname = member.gname = ""
        member.mode = 0o644
        return member

    with tarfile.open(target, "w", format=tarfile.GNU_FORMAT) as archive:
        for path in files:
            archive.add(path, str(path.relative_to(folder)), recursive=False, filter=anonymous)


def create(stack: str, target: Path, *, as_json: bool) -> None:
    """Write a bundle of what a running stack runs, then print how it is used."""
    target = target.absolute()
    if not target.parent.is_dir():
        raise UserError(f"bundle: {target.parent} does not exist: make that folder, or name a file elsewhere")
    environment = Environment(stack)
    require_running(environment, "bundle")
    cache_home().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bundle-", dir=cache_home()) as folder:
        steps = Create(environment, Path(folder), target)
        run_or_exit(Runner(steps.steps(), steps.log), f"groundwork bundle create {target} --stack {stack}")
        about = steps.about()
    if as_json:
        print_json({"file": str(target), "bytes": target.stat().st_size, "digest": digest_of(target), **about})
        return
    note(
        f"On a machine without a network, in a checkout of {about['commit'] or about['version']}: "
        f"{TRUSTED_VARIABLE}=KEY scripts/up --bundle {target.name}\n"
        f"KEY is a copy of the public half of the key that signed: {public_key()}"
    )
