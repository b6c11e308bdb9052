"""The images that are not built here: the list in third_party.yaml, and what a pod names."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints

from modules.core.images import Digest, Tag
from modules.core.pin_files import check_pins, replace_text
from modules.core.yaml_files import read_yaml

LIST = Path(__file__).with_name("third_party.yaml")
UNRESOLVED = "unresolved"
SOURCE = r"^[a-z0-9][a-z0-9.-]*(:[0-9]+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)+$"


class ThirdPartyImage(BaseModel):
    """An image of others. `unresolved` until a registry has returned its digest."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: Annotated[str, StringConstraints(pattern=SOURCE)]
    """Registry's host and repository, such as docker.io/jenkins/jenkins."""
    tag: Tag
    digest: Digest | Literal["unresolved"]

    @property
    def reference(self) -> str:
        """What a pod names: by digest where it is known, or else by its tag, which only simulated nodes accept."""
        name = f"{self.source}:{self.tag}"
        return name if self.digest == UNRESOLVED else f"{name}@{self.digest}"


class _List(BaseModel):
    model_config = ConfigDict(extra="forbid")

    images: dict[str, ThirdPartyImage]


def read_third_party(path: Path = LIST) -> dict[str, ThirdPartyImage]:
    """The images by name. UserError where the list says something wrong."""
    advice = f"an image has source (host/repository), tag, and digest (sha256:<64 hex digits> or {UNRESOLVED})"
    document = read_yaml(path.read_text(), source=str(path))
    return check_pins(document, _List, source=str(path), advice=advice).images


def unresolved(images: Mapping[str, ThirdPartyImage]) -> str | None:
    """Return why pods of these images can't run, for people to read; None where they can."""
    names = [image.reference for _, image in sorted(images.items()) if image.digest == UNRESOLVED]
    if not names:
        return None
    return f"digest unresolved: {', '.join(names)}; `groundwork images resolve` asks again"


def with_digests(text: str, digests: Mapping[str, str]) -> str:
    """The list's text with these digests by image name; every other line stays as it is, comments too."""
    for name, digest in digests.items():
        text = re.sub(
            rf"^(  {re.escape(name)}:\n(?:    .*\n)*?    digest: )\S+", rf"\g<1>{digest}", text, flags=re.MULTILINE
        )
    return text


def write_digests(digests: Mapping[str, str], path: Path = LIST) -> None:
    """Puts the digests in place, all at once."""
    replace_text(path, with_digests(path.read_text(), digests))
