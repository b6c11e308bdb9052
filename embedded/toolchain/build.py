"""Builds the targets with a pinned Go into a cache keyed by their sources, or fetches what another machine built.

Each target is built once for each content of its folder, and put in place whole: an interrupted build leaves
nothing that looks finished, and Go's own caches let the next run go on where it stopped.
"""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from itertools import repeat
from pathlib import Path

from modules.core.artifacts import Artifacts, OpenCache, no_cache
from modules.core.errors import UserError
from modules.core.paths import cache_home

from . import artifacts as shared
from . import compiler
from .targets import BUILD_TARGETS, BuildTarget, pinned_version
from .unused import UNUSED_DAYS, mark_used, running_programs, unused_folders

Progress = Callable[[str], None]

GO_ENVIRONMENT = {
    "CGO_ENABLED": "0",
    "GOTOOLCHAIN": "local",
    "GOFLAGS": "-buildvcs=false -mod=readonly",
    "GOWORK": "off",
}
UNOPTIMISED = (
    "cloud.google.com/go/...",
    "github.com/Azure/...",
    "github.com/alecthomas/...",
    "github.com/aws/...",
    "github.com/envoyproxy/...",
    "github.com/pb33f/...",
    "github.com/pulumi/pulumi-cloud-sdk/...",
    "github.com/pulumi/pulumi-kubernetes/sdk/v4/...",
    "google.golang.org/api/...",
    "k8s.io/client-go/applyconfigurations/...",
    "k8s.io/client-go/kubernetes/...",
    "k8s.io/kubectl/...",
    "sigs.k8s.io/kustomize/...",
)
"""Large packages that run once, at start-up, or never here: left as they are written they compile in two thirds of the
time. For all targets the same, so that one target's package is another's too."""
NO_DEBUG = "-dwarf=false"
"""What a debugger reads takes a seventh of the compiler's time, and the linker leaves it out."""
BUILD_FLAGS = (
    "-trimpath",
    f"-gcflags=all={NO_DEBUG}",
    *(f"-gcflags={pattern}={NO_DEBUG} -N -l" for pattern in UNOPTIMISED),
)
OVERLAY = "overlay.json"
REMOVED = "removed-"
"""Begins the name of a folder that is being removed."""
MAX_PARALLEL = 2
"""Builds at a time: the linker of one leaves a core idle that the compiler of the other uses."""


def toolchain_home() -> Path:
    return cache_home() / "toolchain"


def target_key(target: BuildTarget, go: str) -> str:
    """Changes exactly when the binary would: with a source, a flag or the Go release (`go`)."""
    arguments = (go, BUILD_FLAGS, target.package, target.linker_flags(), target.embeds)
    digest = hashlib.sha256(repr(arguments).encode())
    if target.tags or target.replacement:
        digest.update(repr((target.tags, target.replacement)).encode())
    for source in target.sources():
        name = source.relative_to(target.folder).as_posix()
        digest.update(f"\0{name}\0".encode() + source.read_bytes())
    return digest.hexdigest()[:16]


def bin_folder(targets: Sequence[BuildTarget] = BUILD_TARGETS) -> Path:
    """Where the binaries of exactly these sources are, or will be."""
    go = compiler.RELEASE
    keys = "".join(target_key(target, go) for target in targets)
    return toolchain_home() / f"bin-{hashlib.sha256(keys.encode()).hexdigest()[:16]}"


def ensure(
    progress: Progress, log: Path, targets: Sequence[BuildTarget] = BUILD_TARGETS, open_cache: OpenCache = no_cache
) -> Path:
    """The folder of the built binaries; builds what is missing here and in the shared cache.

    progress: called with what is being done. log: a file that gets the compiler's output. open_cache: called where
    anything is missing.
    Raises UserError, naming the log, when a build fails.
    """
    tools = bin_folder(targets)
    if tools.is_dir():
        mark_used(tools)
        return tools
    with _alone(progress):
        go = compiler.RELEASE
        missing = [target for target in targets if not _binary(target, go).exists()]
        if missing and (artifacts := open_cache()):
            missing = _fetch_all(missing, go, progress, artifacts)
        if missing:
            _build_all(missing, go, progress, log)
        _link_all(targets, go, tools)
    return tools


def tidy(progress: Progress) -> None:
    """Remove what only a build needs, many times as large as what came of it, and what nothing has used lately."""
    with _alone(progress):
        for folder in toolchain_home().glob(f"{REMOVED}*"):
            remove_tree(folder)
        unused = unused_folders(toolchain_home(), running_programs())
        if _go_caches().exists():
            progress("removing what only compiling needs")
            _discard(_go_caches())
        elif not unused:
            progress("nothing to remove")
        for folder in unused:
            progress(f"removing {folder.name}, which nothing has used for {UNUSED_DAYS} days")
            _discard(folder)


@contextmanager
def _alone(progress: Progress) -> Generator[None]:
    """One run builds at a time: what another one builds is not built twice, nor its caches removed under it."""
    toolchain_home().mkdir(parents=True, exist_ok=True)
    with (toolchain_home() / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress("waiting for another run that builds")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _discard(folder: Path) -> None:
    """Removes a folder by another name: what a kill leaves half removed would look whole to the next build."""
    removed = folder.with_name(f"{REMOVED}{folder.name}.{os.getpid()}")
    folder.rename(removed)
    remove_tree(removed)


def remove_tree(folder: Path) -> None:
    """Removes a folder whole, where there is one. Go makes its cache of modules read-only: only root removes that."""
    if not folder.exists():
        return
    for path in folder.rglob("*"):
        if path.is_dir() and not path.is_symlink() and not os.access(path, os.W_OK):
            path.chmod(0o700)
    shutil.rmtree(folder)


def _go_caches() -> Path:
    return toolchain_home() / "go"


def _binary(target: BuildTarget, go: str) -> Path:
    return toolchain_home() / f"{target.name}-{target_key(target, go)}" / target.name


def publish(progress: Progress, targets: Sequence[BuildTarget], artifacts: Artifacts) -> int:
    """Put what was built here into the shared cache; return how many it did not have. UserError where a target is not
    built."""
    go = compiler.RELEASE
    missing = [target for target in targets if not shared.published(target, target_key(target, go), artifacts)]
    for target in missing:
        binary = _binary(target, go)
        if not binary.exists():
            raise UserError(f"toolchain: {target.name} is not built here yet: `scripts/up` builds it")
        progress(f"{target.name}, {binary.stat().st_size / 1e6:.0f} MB")
        shared.publish(binary, target, target_key(target, go), artifacts)
    return len(missing)


def _fetch_all(targets: Sequence[BuildTarget], go: str, progress: Progress, artifacts: Artifacts) -> list[BuildTarget]:
    """Fetches what the shared cache has; returns the rest."""
    progress(f"fetching {', '.join(target.name for target in targets)} from the shared cache")
    with ThreadPoolExecutor(MAX_PARALLEL) as pool:
        fetched = list(pool.map(_fetch, targets, repeat(go), repeat(artifacts)))
    return [target for target, there in zip(targets, fetched, strict=True) if not there]


def _fetch(target: BuildTarget, go: str, artifacts: Artifacts) -> bool:
    binary = _binary(target, go)
    with _unfinished(binary) as folder:
        if not shared.fetch(target, target_key(target, go), folder / target.name, artifacts):
            return False
        folder.rename(binary.parent)
    return True


@contextmanager
def _unfinished(binary: Path) -> Generator[Path]:
    """Yields a folder beside the binary's own; what is left of it is removed, however this ends."""
    folder = binary.parent.with_suffix(f".{os.getpid()}")
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _build_all(targets: Sequence[BuildTarget], go: str, progress: Progress, log: Path) -> None:
    progress(f"fetching Go {go}")
    go_command = _compiler()
    building: list[str] = []
    lock = threading.Lock()
    done: list[str] = []

    def build(target: BuildTarget) -> None:
        with lock:
            building.append(target.name)
            progress(_summary(building, done, len(targets)))
        _build(target, go, go_command, log)
        with lock:
            building.remove(target.name)
            done.append(target.name)
            progress(_summary(building, done, len(targets)))

    with ThreadPoolExecutor(MAX_PARALLEL) as pool:
        futures = [pool.submit(build, target) for target in targets]
        try:
            for future in futures:
                future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _summary(building: Sequence[str], done: Sequence[str], total: int) -> str:
    return f"{len(done)} of {total} built; compiling {', '.join(building)}" if building else f"{total} built"


def installed_compiler() -> Path:
    """Return the pinned `go`; it is fetched into the cache where it is missing."""
    with _alone(lambda _: None):
        return _compiler()


def _compiler() -> Path:
    home = toolchain_home() / f"golang-{compiler.RELEASE}"
    go = home / "bin" / "go"
    if not go.exists():
        with _unfinished(home / "go") as scratch:
            compiler.install(home, scratch)
    mark_used(home)
    return go


def _build(target: BuildTarget, go: str, go_command: Path, log: Path) -> None:
    binary = _binary(target, go)
    home = _go_caches()
    environment = {
        **compiler.go_environment(os.environ),
        **GO_ENVIRONMENT,
        "GOPATH": str(home),
        "GOCACHE": str(home / "build"),
        "GOMODCACHE": str(home / "mod"),
    }
    command = [str(go_command), "build", *BUILD_FLAGS, f"-tags={','.join(target.tags)}"]
    command += ["-ldflags", target.linker_flags()]
    with _unfinished(binary) as folder:
        if target.embeds or target.replacement:
            command += ["-overlay", str(_overlay(target, go_command, environment, folder, log))]
        _run([*command, "-o", str(folder / target.name), target.package], target.folder, environment, log, target.name)
        (folder / OVERLAY).unlink(missing_ok=True)
        folder.rename(binary.parent)


def _overlay(target: BuildTarget, go_command: Path, environment: dict[str, str], folder: Path, log: Path) -> Path:
    """Has the compiler see files of modules where none is: what main.go embeds beside it, and a replaced module."""

    def published(module: str) -> Path:
        version = pinned_version(target.folder / "go.mod", module)
        # By its version: a module that go.mod replaces is fetched, and held to go.sum, only so.
        command = [str(go_command), "mod", "download", f"{module}@{version}"]
        _run(command, target.folder, environment, log, module)
        return Path(environment["GOMODCACHE"]) / f"{module}@{version}"

    replaced: dict[str, str] = {}
    if target.embeds:
        assert target.pinned is not None
        source = published(target.pinned)
        replaced |= {str(target.folder / Path(name).name): str(source / name) for name in target.embeds}
    if target.replacement:
        replaced |= target.replacement.overlay(target.folder, published(target.replacement.module))
    overlay = folder / OVERLAY
    overlay.write_text(json.dumps({"Replace": replaced}))
    return overlay


def _run(command: Sequence[str], folder: Path, environment: dict[str, str], log: Path, what: str) -> None:
    with log.open("a") as output:
        output.write(f"\n$ {' '.join(command)}\n")
        output.flush()
        result = subprocess.run(
            command, cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT, check=False
        )
    if result.returncode != 0:
        raise UserError(
            f"toolchain: building {what} failed (exit code {result.returncode}); the compiler's output is in {log}. "
            "A package registry that did not answer is the usual cause: run it again, it goes on from there"
        )


def _link_all(targets: Sequence[BuildTarget], go: str, tools: Path) -> None:
    unfinished = tools.with_suffix(f".{os.getpid()}")
    unfinished.mkdir(parents=True)
    for target in targets:
        for name in (target.name, *target.links):
            (unfinished / name).symlink_to(_binary(target, go))
    with suppress(OSError):  # another run put it there meanwhile
        unfinished.rename(tools)
    shutil.rmtree(unfinished, ignore_errors=True)
