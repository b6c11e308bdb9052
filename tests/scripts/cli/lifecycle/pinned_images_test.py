from collections.abc import Mapping
from typing import Any

import pytest

from modules.core.contracts import Registry
from modules.core.releases import Canary, Pin, Release
from modules.registry.access import RegistryAccess
from modules.registry.remote import Remote
from scripts.cli.clients import pins
from scripts.cli.lifecycle import pinned_images
from scripts.cli.lifecycle.pinned_images import find_lacking, serving_images
from tests.scripts.cli.fakes import DIGEST, EARLIER_DIGEST, SERVING_DIGEST, always, settings, stack

REGISTRY = Registry(push="10.80.0.1:5000/local", pull="10.80.0.1:5000/local")
ACCESS = RegistryAccess(advice="is it running?")
EXISTING: dict[str, Any] = {"target": "existing", "context": "theirs", "registry": {"push": "registry.example/ml"}}


def pin(number: int, image: str) -> Pin:
    return Pin(
        release=number,
        model_name="iris",
        model_version=number + 10,
        model_uri="s3://b/k",
        model_digest=DIGEST,
        run="r",
        serving_image=image,
    )


RELEASE = Release(
    **pin(4, EARLIER_DIGEST).model_dump(),
    history=(pin(1, ""), pin(2, DIGEST), pin(3, EARLIER_DIGEST)),
    canary=Canary(pin=pin(5, SERVING_DIGEST), weight=10),
)


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """What the registry has."""
    digests: set[str] = set()

    def find(_: Remote, asked: Mapping[str, str]) -> dict[str, str]:
        assert asked.keys() == {"serving"}
        return {name: digest for name, digest in asked.items() if digest in digests}

    monkeypatch.setattr(Remote, "find", find)
    monkeypatch.setattr(pinned_images.Backend, "resources", always([{"urn": "of something"}]))
    monkeypatch.setattr(pins, "released", always({"iris": RELEASE, "removed": RELEASE}))
    return digests


def lacking(monkeypatch: pytest.MonkeyPatch, **changed: Any) -> list[str]:
    return [str(each) for each in find_lacking(stack(monkeypatch, settings(**changed)), REGISTRY, ACCESS)]


def test_images_that_the_registry_lacks_are_named_with_what_to_do(
    held: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert lacking(monkeypatch) == [
        f"workload iris: release 4 (version 14) runs in serving image {EARLIER_DIGEST}, which registry "
        "10.80.0.1:5000/local has not: `groundwork release iris --model-version 14 --stack local` checks the model in "
        "today's serving image and serves it there",
        f"workload iris: release 5 (version 15) runs in serving image {SERVING_DIGEST}, which registry "
        "10.80.0.1:5000/local has not: `groundwork canary iris --once --stack local` restores what served where that "
        "canary does not run",
    ]
    held.add(SERVING_DIGEST)
    assert len(lacking(monkeypatch)) == 1
    held.add(EARLIER_DIGEST)
    assert lacking(monkeypatch) == []


@pytest.mark.usefixtures("held")
def test_a_registry_that_the_settings_name_anew_is_said_to_get_them_from_the_one_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = lacking(monkeypatch, **{"groundwork:foundation": EXISTING, "groundwork:workloads": {"iris": {}}})[0]
    assert (
        "has not: `groundwork images copy --stack local --to 10.80.0.1:5000/local --from REGISTRY` brings it from the "
        "registry that has it; or `groundwork release iris"
    ) in first


@pytest.mark.usefixtures("held")
def test_what_was_pinned_of_a_platform_that_is_gone_stops_no_new_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pinned_images.Backend, "resources", always([]))
    assert lacking(monkeypatch) == []


@pytest.mark.usefixtures("held")
def test_a_release_of_before_they_pinned_an_image_asks_for_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pins, "released", always({"iris": Release(**pin(4, "").model_dump())}))
    assert lacking(monkeypatch) == []


def test_all_that_serves_is_tried_or_can_be_rolled_back_to_is_to_be_kept() -> None:
    of_skops = pin(6, DIGEST).model_copy(update={"serving_repository": "serving-skops"})
    release = RELEASE.model_copy(update={"history": (*RELEASE.history, of_skops)})
    assert serving_images({"iris": release}) == [
        *sorted(("serving", digest) for digest in (DIGEST, EARLIER_DIGEST, SERVING_DIGEST)),
        ("serving-skops", DIGEST),
    ]


def test_a_model_of_skops_is_looked_for_in_the_repository_of_its_own_image(monkeypatch: pytest.MonkeyPatch) -> None:
    of_skops = RELEASE.model_copy(update={"serving_repository": "serving-skops", "canary": None})
    monkeypatch.setattr(pinned_images.Backend, "resources", always([{"urn": "of something"}]))
    monkeypatch.setattr(pins, "released", always({"iris": of_skops}))
    asked: list[Mapping[str, str]] = []

    def find(_: Remote, images: Mapping[str, str]) -> Mapping[str, str]:
        asked.append(images)
        return images

    monkeypatch.setattr(Remote, "find", find)
    assert lacking(monkeypatch) == []
    assert asked == [{"serving-skops": EARLIER_DIGEST}]
