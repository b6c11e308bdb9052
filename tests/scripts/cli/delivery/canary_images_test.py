"""The version that serves, tried in a new serving image."""

from pathlib import Path

import pytest

from modules.core.releases import Canary, Release, write_releases
from scripts.cli.delivery import canary
from tests.scripts.cli.delivery.canary_platform import SERVED, Platform, canary_platform, controller, pin, pinned, tried
from tests.scripts.cli.fakes import (
    EARLIER_DIGEST,
    SERVING_DIGEST,
    always,
)


@pytest.fixture
def platform(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Platform:
    return canary_platform(monkeypatch, tmp_path)


IN_EARLIER = SERVED.model_copy(update={"serving_image": EARLIER_DIGEST})


def test_the_version_that_serves_is_tried_in_a_new_serving_image_beside_the_one_it_has(platform: Platform) -> None:
    platform.champion = 1
    write_releases("local", {"iris": IN_EARLIER})
    found = tried(platform)
    assert (found.result, found.version, found.serving_image) == ("promoted", 1, SERVING_DIGEST)
    assert [platform.applied[0], *platform.applied[-2:]] == [(1, 10), (1, 0), (1, None)]
    assert (pinned().release, pinned().serving_image, pinned().canary) == (2, SERVING_DIGEST, None)
    assert [each.serving_image for each in pinned().history] == [EARLIER_DIGEST]
    assert controller(platform).try_next() is None


def test_a_new_serving_image_that_is_worse_is_taken_back_and_not_tried_again_but_the_next_one_is(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform.champion = 1
    platform.canary_code = "5xx"
    write_releases("local", {"iris": IN_EARLIER})
    assert (tried(platform).result, pinned().pin) == ("restored", IN_EARLIER.pin)
    assert controller(platform).try_next() is None
    next_one = "sha256:" + "3" * 64
    monkeypatch.setattr(canary, "deployed_image", always(next_one))
    platform.canary_code = "2xx"
    assert tried(platform).serving_image == next_one


@pytest.mark.parametrize(
    "release",
    [
        IN_EARLIER.rejecting(pin(1), "rolled back"),
        IN_EARLIER.model_copy(update={"history": (pin(1),)}),
        Release(**pin(3).model_dump(), history=(IN_EARLIER.pin,)),
        Release(**pin(3).model_dump()).rejecting(IN_EARLIER.pin, "latency"),
        Release(**pin(3).model_dump()).rejecting(pin(1).model_copy(update={"serving_image": ""}), "latency"),
        SERVED.model_copy(update={"serving_image": ""}),
    ],
)
def test_a_new_serving_image_brings_back_nothing_that_a_person_or_a_canary_put_away(
    release: Release, platform: Platform
) -> None:
    platform.champion = 1
    write_releases("local", {"iris": release})
    assert controller(platform).try_next() is None
    assert pinned() == release
    assert platform.applied == []


def test_a_canary_of_before_they_pinned_an_image_loses_its_requests_first_and_begins_anew(platform: Platform) -> None:
    begun = Canary(pin=pin(2).model_copy(update={"serving_image": ""}), weight=10)
    write_releases("local", {"iris": SERVED.model_copy(update={"canary": begun})})
    assert tried(platform).result == "promoted"
    assert platform.applied[:3] == [(1, 0), (1, None), (1, 10)]
    assert pinned().serving_image == SERVING_DIGEST
