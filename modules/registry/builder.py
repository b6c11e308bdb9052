"""Builds images from their sources and pushes them: bases first, independent ones side by side."""

import hashlib
import os
import shutil
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from modules.core.artifacts import OpenCache, no_cache
from modules.core.contracts import Registry
from modules.core.images import LockedImage
from modules.core.paths import cache_home
from modules.core.versions import DEBIAN

from .access import RegistryAccess
from .buildah import Buildah
from .host import archive_proxy, debian_suites, write_secrets
from .images import BUILD_FLAGS, Source, find_uv
from .logins import Login, login_document
from .namespaces import build_path, in_namespace, remove_tree

Progress = Callable[[str], None]

MAX_PARALLEL = 2
"""Builds at a time: while one waits for an archive or a disk, the other computes."""
DEBOOTSTRAP = ("debootstrap", "--variant=minbase")
LEFT_OUT = ("./var/cache/apt", "./var/lib/apt/lists", "./dev/*")
"""What debootstrap leaves and no image keeps, as patterns of tar. Containers get devices of their own."""


@dataclass
class Builder:
    """One build. After it, `done` names every image whose current inputs are in the registry, also when it failed."""

    buildah: Buildah
    registry: Registry
    access: RegistryAccess
    folder: Path
    """An empty private folder, for what lasts as long as the build."""
    progress: Progress
    open_cache: OpenCache = no_cache
    """Asked for programs that were not compiled on this machine yet."""
    done: dict[str, LockedImage] = field(default_factory=dict[str, LockedImage])
    building: list[str] = field(default_factory=list[str])
    built: list[str] = field(default_factory=list[str])
    lock: threading.Lock = field(default_factory=threading.Lock)
    failed: threading.Event = field(default_factory=threading.Event)

    def build(self, sources: Mapping[str, Source], current: Mapping[str, LockedImage]) -> None:
        """Builds and pushes what is not in `current`; all of them, where the base comes out otherwise than it was."""
        self.secrets = write_secrets(self._folder("secrets"), os.environ)
        self.login = _write_login(self.folder / "login.json", self.registry.push, self.access.login)
        if self.access.ca:
            (self._folder("certificates") / "ca.crt").write_bytes(self.access.ca.read_bytes())
        self.done = dict(current)
        if "base" not in current:
            self._build(sources["base"], self._debian())
            # Debian may have moved on. What stands on the previous base is made anew: all stand on one.
            self.done = {"base": self.done["base"]}
        elif not self.buildah.has(_local_name(sources["base"])):
            self._pull(sources["base"], current["base"].digest)
        below = {name: _local_name(source) for name, source in sources.items()}
        with ThreadPoolExecutor(MAX_PARALLEL) as pool:
            futures = [
                pool.submit(self._build_unless_failed, source, below[source.image.base])
                for name, source in sources.items()
                if name not in self.done and source.image.base is not None
            ]
        for future in futures:
            future.result()

    def _build_unless_failed(self, source: Source, base: str) -> None:
        """Begins no further build once one failed, or was interrupted; what runs then comes to its end."""
        if self.failed.is_set():
            return
        try:
            self._build(source, base)
        except BaseException:
            self.failed.set()
            raise

    def _build(self, source: Source, base: str) -> None:
        name = source.image.name
        self._tell(begun=name)
        context = self._context(source)
        self.buildah.run(
            *("bud", "--isolation=chroot", "--layers", "--pull=never", *BUILD_FLAGS),
            *(f"--build-arg={key}={value}" for key, value in {"BASE": base, **source.arguments}.items()),
            *(f"--secret=id={key},src={path}" for key, path in self.secrets.items()),
            f"--build-context=uv={Path(find_uv()).resolve().parent}",
            f"--file={self._containerfile(source)}",
            f"--tag={_local_name(source)}",
            str(context),
            what=name,
        )
        self.done[name] = source.locked(self._push(source))
        self._tell(ended=name)

    def _push(self, source: Source) -> str:
        """Pushes under the tag of the inputs; returns the manifest's digest as the registry has it."""
        digest = self.folder / f"{source.image.name}.digest"
        target = f"docker://{self.registry.push}/{source.image.name}:{source.tag}"
        self._transfer("push", f"--digestfile={digest}", _local_name(source), target, what=source.image.name)
        return digest.read_text().strip()

    def _pull(self, source: Source, digest: str) -> None:
        """Takes an image from the registry into the build storage: built anew, it would not come out the same."""
        name = source.image.name
        self.progress(f"taking {name} from the registry")
        origin = f"docker://{self.registry.push}/{name}@{digest}"
        self._transfer("pull", origin, what=name)
        self.buildah.run("tag", origin.removeprefix("docker://"), _local_name(source), what=name)

    def _transfer(self, command: str, *arguments: str, what: str) -> None:
        """Pushes or pulls, with the login of this registry and no other of this machine."""
        trust = [f"--cert-dir={self.folder / 'certificates'}"] if self.access.ca else []
        environment = {**os.environ, "NO_PROXY": "*", "no_proxy": "*"} if self.access.own else None
        self.buildah.run(
            *(command, "--quiet", f"--authfile={self.login}", *trust, *arguments), what=what, environment=environment
        )

    def _context(self, source: Source) -> Path:
        """The build context: exactly what the inputs' digest covers, with the same modes and dates anywhere."""
        folder = self._folder(source.image.name)
        for path, content in source.context.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
            target.chmod(0o755 if content.startswith(b"#!") else 0o644)
        if source.image.program and source.image.compiled:
            program = folder / source.image.program
            shutil.copyfile(source.image.compiled.build(self.progress, self.buildah.log.path, self.open_cache), program)
            program.chmod(0o755)
        for path in (*folder.rglob("*"), folder):
            if path.is_dir():
                path.chmod(0o755)
            os.utime(path, (0, 0))
        return folder

    def _containerfile(self, source: Source) -> Path:
        path = self.folder / f"{source.image.name}.Containerfile"
        path.write_bytes(source.containerfile)
        return path

    def _debian(self) -> str:
        """Name of a minimal Debian in the build storage; debootstrap makes it once for each release."""
        made_by = hashlib.sha256(repr((DEBOOTSTRAP, LEFT_OUT)).encode()).hexdigest()[:12]
        archive = cache_home() / "debian" / f"{DEBIAN}-{made_by}.tar"
        name = f"localhost/groundwork/debian:{DEBIAN}-{made_by}"
        if self.buildah.has(name):
            return name
        if not archive.exists():
            self.progress(f"making a minimal Debian {DEBIAN}")
            self._debootstrap(archive)
        context = self._folder("debian")
        (context / "debian.tar").hardlink_to(archive)
        (context / "Containerfile").write_text("FROM scratch\nADD debian.tar /\n")
        self.buildah.run("bud", "--layers", *BUILD_FLAGS, f"--tag={name}", str(context), what="base")
        return name

    def _debootstrap(self, archive: Path) -> None:
        root = self._folder("root")
        # An LXC container is where debootstrap takes over devices that it can't make: only this machine's root can.
        environment = {**archive_proxy(), "PATH": build_path(), "container": "lxc"}
        make = [*in_namespace(), *DEBOOTSTRAP, DEBIAN, str(root), debian_suites()[0].url]
        self.buildah.log.run(make, what="base", environment=environment)
        archive.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self.folder / archive.name
        pack = ["tar", "--sort=name", "--mtime=@0", "--numeric-owner", *(f"--exclude={path}" for path in LEFT_OUT)]
        pack += ["-C", str(root), "-cf", str(unfinished), "."]
        self.buildah.log.run([*in_namespace(), *pack], what="base", environment=environment)
        unfinished.rename(archive)
        remove_tree(root)

    def _folder(self, name: str) -> Path:
        folder = self.folder / name
        folder.mkdir(mode=0o700)
        return folder

    def _tell(self, *, begun: str | None = None, ended: str | None = None) -> None:
        with self.lock:
            if begun:
                self.building.append(begun)
            if ended:
                self.building.remove(ended)
                self.built.append(ended)
            if self.building:
                self.progress(f"{len(self.built)} built; building {', '.join(self.building)}")


def _write_login(path: Path, address: str, login: Login | None) -> Path:
    """Writes the one login that buildah sees: not an argument, which all users of this machine could read."""
    path.touch(mode=0o600)
    path.write_text(login_document(address, login))
    return path


def _local_name(source: Source) -> str:
    return f"localhost/groundwork/{source.image.name}:{source.tag}"
