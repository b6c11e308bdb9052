"""Brings an environment's images to its registry and writes which ones it runs."""

import fcntl
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from modules.core.artifacts import Artifacts, OpenCache, no_cache
from modules.core.contracts import Registry
from modules.core.errors import UserError
from modules.core.images import Image, LockedImage, own_architecture, read_images, write_images
from modules.core.paths import cache_home

from . import artifacts as shared
from . import sboms
from .access import RegistryAccess, api_host
from .buildah import Buildah, Log
from .builder import Builder, Progress
from .images import Source, read_sources
from .namespaces import remove_tree, require_builds
from .record import Recorded, add_to_record, read_record
from .remote import ImageSize, Remote
from .sboms import Keys


def build_images(
    environment: str,
    images: Sequence[Image],
    *,
    registry: Registry,
    access: RegistryAccess,
    progress: Progress,
    log: Path,
    keys: Keys,
    architecture: str | None = None,
    open_cache: OpenCache = no_cache,
) -> None:
    """Builds the images whose inputs changed, or that the registry lost, and writes stacks/images.<environment>.yaml.
    Those that lack an SBOM get one.

    images: all that the environment may run, bases first.
    registry: pushed to over TLS. access: how this machine comes to it.
    architecture: of the machines that run them, such as arm64; None: this machine's, which is the only one built here.
    progress: called with one line about what is being done. log: a file that gets everything the builds print.
    keys: that sign SBOMs, and that are known.
    open_cache: asked where anything is missing; what that cache has is fetched instead of built.
    Raises UserError, naming the log, when a build fails; what was built before that is recorded.
    """
    sources = read_sources(images, architecture=architecture)
    home = cache_home() / "containers"
    with Remote(registry, access) as remote:
        current = _current(environment, remote, sources)
        if access.own and current.keys() != sources.keys():
            _take(sources, current, remote)
            current = _current(environment, remote, sources)
        here = len(current)
        if current.keys() != sources.keys() and (artifacts := open_cache()):
            _fetch(sources, current, remote, artifacts, progress)
            current = _current(environment, remote, sources)
        if current.keys() == sources.keys():
            if current != read_images(environment):
                write_images(environment, current)
            made = f"{len(sources) - here} fetched, {here} unchanged" if here < len(sources) else f"{here} unchanged"
            progress(made + _attach_sboms(current, sources, remote, keys, progress))
            return
        _check_build(remote, architecture)
        with _alone(home, progress) as folder, Buildah(home, Log(log)) as buildah:
            builder = Builder(
                buildah=buildah,
                registry=registry,
                access=access,
                folder=folder,
                progress=progress,
                open_cache=open_cache,
            )
            try:
                # Asked again: another build may have been waited for.
                builder.build(sources, _current(environment, remote, sources))
            finally:
                if access.own:
                    _record(remote, {name: builder.done[name] for name in builder.built})
                known = {**read_images(environment), **builder.done}
                write_images(environment, {name: known[name] for name in sources if name in known})
        made = f"{len(builder.built)} built, {len(sources) - len(builder.built)} unchanged"
        progress(made + _attach_sboms(builder.done, sources, remote, keys, progress))


def check_images(
    environment: str,
    images: Sequence[Image],
    *,
    registry: Registry,
    access: RegistryAccess,
    architecture: str | None = None,
) -> list[str]:
    """Return the names of those images that build_images would build. Raise UserError where it could not: the registry
    does not answer or takes none, or this machine builds none. Nothing is changed."""
    sources = read_sources(images, architecture=architecture)
    with Remote(registry, access) as remote:
        missing = sources.keys() - _current(environment, remote, sources)
        if missing:
            _check_build(remote, architecture)
    return sorted(missing)


def publish_images(
    environment: str, *, registry: Registry, access: RegistryAccess, artifacts: Artifacts, progress: Progress
) -> int:
    """Put the environment's images into a shared cache; return how many it did not have."""
    images = read_images(environment)
    published = 0
    with Remote(registry, access) as remote:
        for name, image in images.items():
            progress(name)
            published += shared.publish(name, image, remote, artifacts)
    return published


def image_sizes(environment: str, registry: Registry, access: RegistryAccess) -> dict[str, ImageSize]:
    """Return the size of the environment's images by name, as the registry reports them."""
    with Remote(registry, access) as remote:
        return remote.sizes({name: image.digest for name, image in read_images(environment).items()})


def _check_build(remote: Remote, architecture: str | None) -> None:
    """Refuses what can't be built or pushed now, not after the first build."""
    remote.check_push("base")
    require_builds(remote.address, architecture or own_architecture())


def _take(sources: Mapping[str, Source], current: Mapping[str, LockedImage], remote: Remote) -> None:
    """Brings what this machine made for another stack: all its own registries share one storage."""
    recorded = read_record()
    for name, source in sources.items():
        if name in current or (found := recorded.get(source.inputs)) is None:
            continue
        if remote.take(name, source.tag, found.digest, found.repository):
            _take_sboms(name, found, remote)


def _take_sboms(name: str, found: Recorded, remote: Remote) -> None:
    address = f"{api_host(remote.address)}/{found.repository.removesuffix(f'/{name}')}"
    with Remote(Registry(push=address, pull=address), remote.access) as origin:
        sboms.copy_sboms(name, found.digest, origin, remote)


def _attach_sboms(
    images: Mapping[str, LockedImage],
    sources: Mapping[str, Source],
    remote: Remote,
    keys: Keys,
    progress: Progress,
) -> str:
    """Makes the SBOMs that are missing; returns what there is to say about it. A registry that takes images from others
    only, or no such things at all, does not stop a platform."""
    try:
        if missing := sboms.find_lacking(images, remote, keys):
            progress(f"making the SBOM of {', '.join(missing)}")
            sboms.attach(missing, sources, remote=remote, key=keys.sign())
            return f"; {len(missing)} SBOMs made"
    except UserError as error:
        return f"; SBOMs are missing: {error}"
    return ""


def _fetch(
    sources: Mapping[str, Source],
    current: Mapping[str, LockedImage],
    remote: Remote,
    artifacts: Artifacts,
    progress: Progress,
) -> None:
    """Brings what the registry lacks and the shared cache has to the registry, bases first."""
    for name, source in sources.items():
        if name not in current:
            progress(f"fetching {name} from the shared cache")
            digest = shared.fetch(source, remote, artifacts)
            if digest and remote.access.own:
                _record(remote, {name: source.locked(digest)})


def _record(remote: Remote, images: Mapping[str, LockedImage]) -> None:
    """Remembers what this machine brought to a registry of its own, under which name."""
    add_to_record(
        {
            image.inputs: Recorded(digest=image.digest, repository=f"{remote.path}/{name}")
            for name, image in images.items()
        }
    )


def _current(environment: str, remote: Remote, sources: Mapping[str, Source]) -> dict[str, LockedImage]:
    """The images that the registry holds with the current inputs.

    In a registry of its own this machine takes only what it recorded, by digest. In one of somebody else, in which
    their logins decide who pushes, what another environment built is found by the tag of its inputs.
    """
    asked = _recorded(sources) if remote.access.own else _pinned(environment, sources)
    found = remote.find(asked)
    return {name: sources[name].locked(digest) for name, digest in found.items()}


def _recorded(sources: Mapping[str, Source]) -> dict[str, str]:
    recorded = read_record()
    return {name: recorded[source.inputs].digest for name, source in sources.items() if source.inputs in recorded}


def _pinned(environment: str, sources: Mapping[str, Source]) -> dict[str, str]:
    """The digest where this environment has one for the inputs, the tag of the inputs otherwise."""
    locked = read_images(environment)
    same = {name for name in sources if name in locked and locked[name].inputs == sources[name].inputs}
    return {name: locked[name].digest if name in same else sources[name].tag for name in sources}


@contextmanager
def _alone(home: Path, progress: Progress) -> Generator[Path]:
    """Waits until no other build runs on this machine: stacks share the storage. Yields an empty private folder."""
    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress("waiting for another build on this machine")
            fcntl.flock(lock, fcntl.LOCK_EX)
        folder = home / "build"
        remove_tree(folder)
        folder.mkdir(mode=0o700)
        try:
            yield folder
        finally:
            remove_tree(folder)
