"""stacks/releases.<environment>.yaml: which model each workload serves, in which serving image. Only `groundwork
release|rollback|canary` write it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, StringConstraints

from .contracts import SCHEME
from .paths import REPOSITORY
from .pin_files import check_pins, read_pins, write_pins

HEADER = "# Written by `groundwork release` and `groundwork rollback`: what serves here, and what served before.\n"

ADVICE = "restore the file, or remove it and release again"

CAUSE_LENGTH = 300
"""Characters of a cause that are kept."""

Digest = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
OptionalDigest = Annotated[str, StringConstraints(pattern=r"^(sha256:[0-9a-f]{64})?$")]
Repository = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*$")]
ModelUri = Annotated[str, StringConstraints(pattern=rf"^{SCHEME}://[^/]+/.+$")]


class Pin(BaseModel):
    """One model version in one serving image, exactly."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    release: int = Field(ge=1)
    """Counts the releases of this workload in this environment, rollbacks too."""
    model_name: str
    model_version: int = Field(ge=1)
    model_uri: ModelUri
    """Where the object store keeps the model's files."""
    model_digest: Digest
    """Over the model's files; serving refuses other ones."""
    run: str
    """The MLflow run that made the model."""
    data_digest: str = ""
    """Of the data set; this and what follows is empty in pins of before trainings signed their models."""
    image_digest: str = ""
    """Of the training image."""
    config_digest: str = ""
    """Of the training document."""
    signature: str = ""
    """The training's, over all of these (workloads/signing.py); servers refuse a model without it."""
    serving_image: OptionalDigest = ""
    """Of the serving image that the model was checked in, and runs in; empty in pins of before releases pinned it. No
    address: the registry's may change, the image stays the same."""
    serving_repository: Repository = "serving"
    """Name of that image's repository below the registry's address; pins of before there were several do not say it."""
    model_format: Literal["onnx", "skops"] = "onnx"
    """How the training stored the model for its server."""
    trusted: tuple[str, ...] = ()
    """Types that the server may make of a model in the format skops, beside those that skops trusts: as workload.yaml
    named them when it was released."""

    @property
    def complete(self) -> bool:
        """Whether servers of today can take it: its training signed it, and its release pinned the serving image."""
        return bool(self.signature and self.serving_image)


class Canary(BaseModel):
    """A model version, or the same one in another serving image, that is tried beside what serves."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    pin: Pin
    weight: int = Field(ge=0, le=99)
    """Percent of the requests that go to it.

    0 is the step before it goes: the gateway follows within seconds, and what it sends until then must find it."""


class Rejection(BaseModel):
    """A model version in one serving image that performed worse than the version in service, or was rolled back: no
    canary is started for it again."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    model_version: int = Field(ge=1)
    model_digest: Digest
    serving_image: OptionalDigest = ""
    cause: str


class Release(Pin):
    """What a workload serves, what is tried beside it, the pins before it, and what was rejected."""

    history: tuple[Pin, ...] = ()
    """Previous pins, newest last."""
    canary: Canary | None = None
    rejected: tuple[Rejection, ...] = Field(default=(), validation_alias=AliasChoices("rejected", "refused"))
    """Earlier files say `refused`."""

    @property
    def pin(self) -> Pin:
        """Itself, without what is beside and before it."""
        return Pin.model_validate(self.model_dump(exclude={"history", "canary", "rejected"}))

    def rejecting(self, pin: Pin, cause: str) -> "Release":
        """Return the same release with that version rejected in its serving image: no canary tries it again."""
        rejection = Rejection(
            model_version=pin.model_version,
            model_digest=pin.model_digest,
            serving_image=pin.serving_image,
            cause=" ".join(cause.split())[:CAUSE_LENGTH],
        )
        of_pin = (pin.model_version, pin.serving_image)
        others = tuple(each for each in self.rejected if (each.model_version, each.serving_image) != of_pin)
        return self.model_copy(update={"rejected": (*others, rejection)})


def same_model(one: Pin | Rejection, other: Pin | Rejection) -> bool:
    """Return whether both are of one model version, in whatever serving image."""
    return (one.model_version, one.model_digest) == (other.model_version, other.model_digest)


def same_release(one: Pin | Rejection, other: Pin | Rejection) -> bool:
    """Return whether both are of one model version in one serving image. What pins no image is the same as nothing."""
    return same_model(one, other) and one.serving_image == other.serving_image != ""


class _Releases(BaseModel):
    model_config = ConfigDict(extra="forbid")

    releases: dict[str, Release]


def release_file(environment: str) -> Path:
    return REPOSITORY / "stacks" / f"releases.{environment}.yaml"


def read_releases(environment: str) -> dict[str, Release]:
    """The environment's releases by workload; none where nothing was released. UserError: not one of ours."""
    found = read_pins(release_file(environment), _Releases, advice=ADVICE)
    return found.releases if found else {}


def parse_releases(document: object, source: str) -> dict[str, Release]:
    """Validate `{releases: {<workload>: ...}}`. Raise UserError that names source and key."""
    return check_pins(document, _Releases, source=source, advice=ADVICE).releases


def releases_document(releases: Mapping[str, Release]) -> dict[str, Any]:
    """Return what `parse_releases` reads."""
    return {"releases": {name: releases[name].model_dump(mode="json") for name in sorted(releases)}}


def write_releases(environment: str, releases: Mapping[str, Release]) -> None:
    """Put the whole file in place at once: a reader sees the previous one or this one."""
    write_pins(release_file(environment), releases_document(releases), header=HEADER)
