"""`groundwork images copy`: the images that an environment runs, to a registry from which another one takes them; and
those that its releases pin, so that it can move to that registry itself."""

import re
import time
from collections.abc import Mapping
from pathlib import Path

from modules.core.contracts import Registry
from modules.core.errors import UserError
from modules.core.images import LockedImage, lock_file, read_images, reference, short_digest
from modules.core.paths import cache_home
from modules.registry.access import ADDRESS, RegistryAccess
from modules.registry.copy import copy_images
from modules.registry.images import read_sources
from modules.registry.logins import find_login
from modules.registry.remote import Remote
from scripts.cli.clients import aws, pins
from scripts.cli.clients.registry import registry_of
from scripts.cli.environment import Environment
from scripts.cli.lifecycle.artifacts import require_running
from scripts.cli.lifecycle.pinned_images import serving_images
from scripts.cli.lifecycle.up import access_of, cluster_of
from scripts.cli.output import console, note, plain_table, print_json
from scripts.cli.steps import Progress, Runner, Step, run_or_exit
from stacks.foundation.registry_login import access_to


class Copy:
    """The one step of the command, and what came of it."""

    def __init__(self, stack: str, *, to: Remote, origin: Remote) -> None:
        self.images = pinned(stack)
        self.released = released(stack, self.images)
        self.lacking: list[str] = []
        """Digests that releases pin, and neither registry has."""
        self.to, self.origin = to, origin
        self.log = cache_home() / "logs" / f"images-copy-{time.strftime('%Y%m%d-%H%M%S')}.log"
        self.copied: frozenset[str] = frozenset()
        """Digests."""
        self.architecture = ""

    def run(self, progress: Progress) -> None:
        copied = copy_images(self.images, source=self.origin, target=self.to, progress=progress)
        self.copied = frozenset(self.images[name].digest for name in copied)
        self.copy_released(progress)
        name, image = next(iter(self.images.items()))
        self.architecture = self.to.architecture(name, image.digest)
        progress(f"{len(self.copied)} copied, {len(self.rows()) - len(self.copied)} were there already")

    def copy_released(self, progress: Progress) -> None:
        """Copy what releases pin. One of before that nobody has any more stops nothing: it only can't come back."""
        for name, image in self.released:
            if not any(at.find({name: image.digest}) for at in (self.origin, self.to)):
                self.lacking.append(image.digest)
            elif copy_images({name: image}, source=self.origin, target=self.to, progress=progress):
                self.copied |= {image.digest}

    def rows(self) -> list[tuple[str, LockedImage]]:
        """Return what is in the target, by name."""
        return [*self.images.items(), *(each for each in self.released if each[1].digest not in self.lacking)]


def copy(stack: str, *, to: str, origin: str | None, ca: Path | None, as_json: bool) -> None:
    """Copy the images of a stack's pins; print each with its place, and which this checkout would build otherwise."""
    registry, access = foreign("--to", to, ca)
    source = foreign("--from", origin, ca) if origin else running(stack)
    with Remote(registry, access) as target, Remote(*source) as remote:
        steps = Copy(stack, to=target, origin=remote)
        again = f"groundwork images copy --to {to} --stack {stack}" + (f" --from {origin}" if origin else "")
        run_or_exit(Runner([Step(name="images", title="Images", run=steps.run)], steps.log), again)
    rows = [(name, reference(registry, name, image), image.digest in steps.copied) for name, image in steps.rows()]
    changed = outdated(stack, steps.images, steps.architecture)
    if as_json:
        keys = ("name", "reference", "copied")
        listed = [dict(zip(keys, row, strict=True)) for row in rows]
        found = {"to": to, "architecture": steps.architecture, "images": listed}
        print_json({**found, "outdated": changed, "lacking": steps.lacking})
        return
    table = plain_table("image", "reference", "")
    for name, place, new in rows:
        table.add_row(name, place, "copied" if new else "was there")
    console().print(table, highlight=False)
    note(f"They run on {steps.architecture} nodes.")
    if steps.lacking:
        note(
            f"Releases of stack {stack} pin serving images that neither registry has: {', '.join(steps.lacking)}. What "
            "is pinned so can't be rolled out from there"
        )
    if changed:
        note(
            f"This checkout would build {', '.join(changed)} from other inputs than those of stack {stack}: an "
            f"environment of this checkout builds them. `scripts/up {stack}`, then copy again"
        )


def pinned(stack: str) -> dict[str, LockedImage]:
    """Return the images that a stack runs. UserError where none are pinned."""
    found = read_images(stack)
    if not found:
        raise UserError(
            f"stacks/{lock_file(stack).name}: there are no images to copy: `scripts/up {stack}` builds them, or name "
            "another stack by --stack"
        )
    return found


def released(stack: str, images: Mapping[str, LockedImage]) -> list[tuple[str, LockedImage]]:
    """Return the serving images that the stack's releases pin beside today's, each with its repository. Their tag is
    made of their digest: what has none, some registries delete."""
    today = {image.digest for image in images.values()}
    return [
        (repository, LockedImage(digest=digest, inputs=digest, version=short_digest(digest)))
        for repository, digest in serving_images(pins.released(Environment(stack)))
        if digest not in today
    ]


def running(stack: str) -> tuple[Registry, RegistryAccess]:
    """Return the registry of a stack, and how this machine comes to it. UserError where it is that of the stack's own
    cluster, and this does not run."""
    environment = Environment(stack)
    if existing := environment.settings.existing:
        return existing.registry.contract(), access_to(existing.registry)
    if environment.settings.aws:
        return aws.registry_of(environment)
    require_running(environment, "images copy")
    return registry_of(environment), access_of(cluster_of(environment))


def foreign(option: str, address: str, ca: Path | None) -> tuple[Registry, RegistryAccess]:
    """Return a registry that somebody runs, with this user's login. UserError for what is no address of one."""
    if not re.fullmatch(ADDRESS, address) or not re.match(r"[^/]*[.:]|localhost/", address):
        raise UserError(
            f"{option}: {address} is no place of images; expected HOST[:PORT]/PATH in lower case, without https://, "
            "such as registry.example/team/groundwork or docker.io/team"
        )
    advice = f"check {option}, and where it has a certificate of a private CA, name that by --ca"
    return Registry(push=address, pull=address), RegistryAccess(ca=ca, login=find_login(address), advice=advice)


def outdated(stack: str, held: dict[str, LockedImage], architecture: str) -> list[str]:
    """Return the images that an environment of this checkout does not find among these: it builds them."""
    sources = read_sources(Environment(stack).settings.images(), architecture=architecture)
    return [name for name, source in sources.items() if name not in held or held[name].inputs != source.inputs]
