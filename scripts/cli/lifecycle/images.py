"""`groundwork images`: what runs here, first- and third-party; `groundwork images resolve` asks for missing digests."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import typer

from modules.core.errors import UserError
from modules.core.images import read_images
from modules.registry.resolve import Answer, resolve
from modules.registry.third_party import LIST, UNRESOLVED, ThirdPartyImage, read_third_party, write_digests
from scripts.cli.environment import Environment
from scripts.cli.output import console, plain_table, print_json

NOT_BUILT = "not built"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One image."""

    name: str
    version: str
    source: str
    """Containerfile, or the registry's host and repository."""
    digest: str


def show(stack: str, *, as_json: bool) -> None:
    rows = [*built(Environment(stack)), *others(read_third_party())]
    if as_json:
        print_json([asdict(row) for row in rows])
        return
    table = plain_table("image", "version", "source", "digest")
    for row in rows:
        table.add_row(row.name, row.version, row.source, row.digest)
    console().print(table, highlight=False)


def resolve_list(path: Path = LIST) -> None:
    """Ask the registries, write the digests that they return, and print each image's. Raise UserError where one is
    still unresolved."""
    listed = read_third_party(path)
    report(listed, resolve(listed), path)


def built(environment: Environment) -> list[Row]:
    locked = read_images(environment.stack)
    return [
        Row(
            name=image.name,
            version=locked[image.name].version if image.name in locked else NOT_BUILT,
            source=image.containerfile,
            digest=locked[image.name].digest if image.name in locked else NOT_BUILT,
        )
        for image in environment.settings.images()
    ]


def others(listed: Mapping[str, ThirdPartyImage]) -> list[Row]:
    return [
        Row(name=name, version=image.tag, source=image.source, digest=image.digest) for name, image in listed.items()
    ]


def report(listed: Mapping[str, ThirdPartyImage], answers: Mapping[str, Answer], path: Path) -> None:
    digests = {name: answer.digest for name, answer in answers.items() if answer.digest}
    if digests:
        write_digests(digests, path)
    for name, image in listed.items():
        state = digests.get(name) or (f"{image.digest} (known before)" if image.digest != UNRESOLVED else UNRESOLVED)
        typer.echo(f"{name} {image.source}:{image.tag}: {state}")
    missing = [
        f"{listed[name].source}:{listed[name].tag}: {answers[name].problem}" for name in answers.keys() - digests
    ]
    if missing:
        written = f"{path.name} has {len(digests)} more digests" if digests else f"{path.name} is unchanged"
        raise UserError(
            "\n".join([f"{len(missing)} of {len(answers)} digests are unresolved, and {written}:", *sorted(missing)])
            + "\nRun this where these registries can be reached; until then their pods run on simulated nodes only."
        )
