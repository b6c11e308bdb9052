"""Runs buildah on a storage of its own, so that a person's own containers and images are neither seen nor touched."""

import json
import os
import subprocess
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modules.core.errors import UserError

from .namespaces import AS_ROOT, build_path, is_root, remove_tree

OWN_STATE = Path("/var/lib/containers")
"""Where buildah of root keeps a cache of layer digests, wherever its storage is."""
STORAGE_LIMIT = 15_000_000_000
"""Bytes of layers, those of previous builds included, at which the storage is emptied before a build."""


@dataclass
class Log:
    """A file that gets what commands print, and keeps lines of several apart."""

    path: Path
    lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, command: Sequence[str], *, what: str, environment: Mapping[str, str]) -> None:
        """Runs a command; each line it prints goes to the log with `what` in front. UserError when it fails."""
        process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        with process, self.path.open("a") as output:
            for line in process.stdout or ():
                with self.lock:
                    output.write(f"[{what}] {line}")
                    output.flush()
        if process.returncode != 0:
            raise UserError(
                f"images: building {what} failed (exit code {process.returncode}): the lines [{what}] in {self.path} "
                "say why; where a package archive did not answer, run the same command again: it goes on from there"
            )


@dataclass(frozen=True)
class Buildah:
    """buildah with storage, temporary files and caches under `home`. Use as a context manager, one at a time.

    Without root the same files come out, though with other digests: overlayfs then marks directories (the attribute
    user.overlay.origin), and this version of buildah packs the marks too.
    """

    home: Path
    log: Log

    def __enter__(self) -> "Buildah":
        """Makes folders and settings; removes what an interrupted build left."""
        self._empty_if_large()
        self.home.mkdir(parents=True, exist_ok=True)
        self.home.chmod(0o700)  # some of its lock files are open to everybody
        for name in ("storage", "run", "state", "tmp"):
            (self.home / name).mkdir(parents=True, exist_ok=True)
        if is_root():
            OWN_STATE.mkdir(mode=0o700, exist_ok=True)
        self._configure("overlay")
        if not self._succeeds("info"):  # overlay does not work on top of another overlay
            remove_tree(self.home / "storage")
            self._configure("vfs")
        self.run("rm", "--all", what="storage")
        return self

    def __exit__(self, *_: object) -> None:
        if is_root():
            with suppress(OSError):  # a person's own, and not empty
                OWN_STATE.rmdir()

    def run(self, *arguments: str, what: str, environment: Mapping[str, str] | None = None) -> None:
        """Runs a buildah command. UserError, which names the log, when it fails.

        environment: replaces this process's. what: the lines' mark in the log.
        """
        self.log.run(self._command(arguments), what=what, environment=self._environment(environment or os.environ))

    def has(self, image: str) -> bool:
        """Whether the storage holds an image of this name."""
        return self._succeeds("inspect", "--type=image", "--format={{.FromImageID}}", image)

    def _succeeds(self, *arguments: str) -> bool:
        environment = self._environment(os.environ)
        done = subprocess.run(self._command(arguments), env=environment, capture_output=True, check=False)
        return done.returncode == 0

    def _command(self, arguments: Sequence[str]) -> list[str]:
        if not is_root():  # buildah makes its namespaces itself
            return ["buildah", *arguments]
        own_state = f'mount --bind "$0" {OWN_STATE} && exec buildah "$@"'
        return [*AS_ROOT, "sh", "-c", own_state, str(self.home / "state"), *arguments]

    def _environment(self, environment: Mapping[str, str]) -> dict[str, str]:
        return {
            **environment,
            "CONTAINERS_STORAGE_CONF": str(self.home / "storage.conf"),
            "CONTAINERS_CONF": str(self.home / "containers.conf"),
            "TMPDIR": str(self.home / "tmp"),
            "XDG_DATA_HOME": str(self.home / "state"),  # these two are read where it does not run as root
            "XDG_RUNTIME_DIR": str(self.home / "run"),
            "PATH": build_path(),
        }

    def _configure(self, driver: str) -> None:
        storage = f'[storage]\ndriver = "{driver}"\ngraphroot = "{self.home}/storage"\nrunroot = "{self.home}/run"\n'
        storage += f'rootless_storage_path = "{self.home}/storage"\n'
        (self.home / "storage.conf").write_text(storage)
        (self.home / "containers.conf").write_text(f'[network]\nnetwork_config_dir = "{self.home}/networks"\n')

    def _empty_if_large(self) -> None:
        """Layers of previous builds make the next one quick; what they take is bounded by beginning anew."""
        index = self.home / "storage/overlay-layers/layers.json"
        layers: list[dict[str, Any]] = json.loads(index.read_text()) if index.exists() else []
        if sum(layer.get("diff-size", 0) for layer in layers) > STORAGE_LIMIT:
            remove_tree(self.home / "storage")
