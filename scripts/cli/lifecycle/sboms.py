"""`groundwork images sbom`: what is in the images of a stack, by SBOMs whose signatures are verified."""

from collections.abc import Mapping
from dataclasses import dataclass

from modules.core.errors import UserError
from modules.core.images import LockedImage
from modules.registry.images import read_sources
from modules.registry.remote import Remote
from modules.registry.sbom import kinds
from modules.registry.sboms import Sbom, attach, read_sbom
from scripts.cli.clients.cache.signing import TRUSTED_VARIABLE, known_keys, signing_key
from scripts.cli.environment import Environment
from scripts.cli.lifecycle.image_copy import pinned, running
from scripts.cli.output import console, plain_table, print_json

SHOWN_DIGITS = 16
"""Of a key's fingerprint, in the table."""


@dataclass(frozen=True)
class Found:
    """What came of looking for the SBOMs of some images."""

    sboms: Mapping[str, Sbom]
    problems: Mapping[str, str]
    """By the name of an image without an SBOM that could be verified."""


def show(stack: str, image: str | None, *, renew: bool, as_json: bool) -> None:
    """Print what was verified, then raise UserError where an SBOM is missing or refused."""
    named = chosen(pinned(stack), image, stack)
    registry, access = running(stack)
    with Remote(registry, access) as remote:
        found = find(named, remote)
        if renew and found.problems:
            make(stack, {name: named[name] for name in found.problems}, remote)
            found = find(named, remote)
    if as_json and image:
        _require(found, stack)
        print_json(found.sboms[image].document)
        return
    report(named, found, as_json=as_json)
    _require(found, stack)


def chosen(held: Mapping[str, LockedImage], image: str | None, stack: str) -> dict[str, LockedImage]:
    """Return one image of a stack, or all. UserError for a name that is none of them."""
    if image and image not in held:
        raise UserError(f"IMAGE: stack {stack} has no image {image}; expected one of {', '.join(sorted(held))}")
    return {image: held[image]} if image else dict(held)


def find(named: Mapping[str, LockedImage], remote: Remote) -> Found:
    keys = known_keys()
    sboms: dict[str, Sbom] = {}
    problems: dict[str, str] = {}
    for name, image in named.items():
        try:
            sboms[name] = read_sbom(name, image.digest, remote=remote, keys=keys)
        except UserError as error:
            problems[name] = str(error)
    return Found(sboms, problems)


def make(stack: str, named: Mapping[str, LockedImage], remote: Remote) -> None:
    settings = Environment(stack).settings
    existing = settings.existing
    sources = read_sources(settings.images(), architecture=existing.registry.architecture if existing else None)
    attach(named, sources, remote=remote, key=signing_key())


def report(named: Mapping[str, LockedImage], found: Found, *, as_json: bool) -> None:
    rows = {name: (kinds(sbom.document), sbom.key) for name, sbom in found.sboms.items()}
    if as_json:
        print_json(
            [
                {"image": name, "digest": named[name].digest, "packages": counted, "signed_by": key}
                for name, (counted, key) in rows.items()
            ]
        )
        return
    table = plain_table("image", "digest", "packages", "signed by")
    for name, (counted, key) in rows.items():
        packages = ", ".join(f"{count} {kind}" for kind, count in sorted(counted.items()))
        table.add_row(name, named[name].digest, packages, f"sha256:{key[:SHOWN_DIGITS]}")
    console().print(table, highlight=False)


def _require(found: Found, stack: str) -> None:
    if found.problems:
        raise UserError(
            "\n".join(found.problems.values())
            + f"\nName the public key of whoever built the images in {TRUSTED_VARIABLE}; "
            f"or make SBOMs of your own from the images: `groundwork images sbom --renew --stack {stack}`"
        )
