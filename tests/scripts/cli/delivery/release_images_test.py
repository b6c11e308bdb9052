"""A release pins the serving image that its model was checked in."""

from pathlib import Path
from typing import Any

import pytest

from modules.core.errors import UserError
from modules.core.images import LockedImage, repository_of, with_digest
from modules.core.releases import Release, write_releases
from scripts.cli.delivery import jobs, release, rollback
from tests.scripts.cli.delivery.release_platform import (
    LOG,
    Platform,
    deployment,
    pinned,
    release_platform,
    released,
)
from tests.scripts.cli.fakes import (
    DIGEST,
    EARLIER_DIGEST,
    IMAGE,
    SERVING_DIGEST,
    always,
    quiet,
    refused,
)
from workloads import catalog


@pytest.fixture
def platform(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Platform:
    return release_platform(monkeypatch, tmp_path)


NEWER = "sha256:" + "3" * 64


def build(monkeypatch: pytest.MonkeyPatch, digest: str) -> None:
    """The serving image of today from here on."""
    locked = {"serving": LockedImage(digest=digest, inputs=digest, version="0.1.0")}
    monkeypatch.setattr(release, "read_images", always(locked))


def test_a_model_is_pinned_with_the_image_that_it_was_tried_in(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(monkeypatch, NEWER)
    released(3)
    checked = platform.checked[0]
    assert checked["image"] == f"{repository_of(IMAGE)}@{NEWER}"
    assert served_in(3) == NEWER
    assert checked.items() >= {"MODEL_VERSION": "3", "MODEL_URI": "s3://b/3", "MODEL_DIGEST": DIGEST}.items()


def served_in(number: int) -> str:
    """The image in which a version is pinned to serve."""
    current = pinned()
    assert current is not None
    assert current.model_version == number
    return current.serving_image


def test_the_same_version_in_a_new_serving_image_is_a_release_of_its_own_and_rolled_back_like_one(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    released(1)
    build(monkeypatch, NEWER)
    outcome = released(1)
    assert (outcome.changed, outcome.pin.release) == (True, 2)
    assert served_in(1) == NEWER
    assert released(1).changed is False
    again = rollback.rollback("local", "iris", quiet, LOG)
    assert (again.pin.release, again.pin.model_version) == (3, 1)
    assert served_in(1) == SERVING_DIGEST
    assert [each["image"].partition("@")[2] for each in platform.checked] == [SERVING_DIGEST, NEWER, SERVING_DIGEST]
    current = pinned()
    assert current is not None
    assert [(each.model_version, each.serving_image) for each in current.rejected] == [(1, NEWER)]


def test_a_model_that_does_not_fit_a_new_serving_image_serves_on_in_its_own(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    released(1)
    build(monkeypatch, NEWER)
    platform.problems = ["no serving/model.onnx"]
    assert "version 1 does not fit the serving image, what served is unchanged:" in refused(lambda: released(1))
    assert served_in(1) == SERVING_DIGEST
    assert platform.applied == [1]


def test_a_new_serving_image_that_does_not_become_ready_is_undone(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    released(1)
    build(monkeypatch, NEWER)
    platform.failures = ["pods do not become ready"]
    assert "release 1 (version 1) is restored" in refused(lambda: released(1))
    assert served_in(1) == SERVING_DIGEST


def of_before(platform: Platform, number: int = 1) -> Release:
    """Pins what serves a version as releases did before they pinned its image; its pods run in an earlier one."""
    pin = Release.model_validate({**released(number).pin.model_dump(), "serving_image": ""})
    write_releases("local", {"iris": pin})
    platform.kubectl.objects["deployment", "iris"] = deployment(pin, EARLIER_DIGEST)
    return pin


def test_a_release_of_before_is_released_anew_and_can_be_restored_and_rolled_back_to_in_the_image_it_ran_in(
    platform: Platform,
) -> None:
    before = of_before(platform)
    platform.failures = ["no"]
    assert "release 1 (version 1) is restored" in refused(lambda: released(1))
    assert pinned() == before.model_copy(update={"serving_image": EARLIER_DIGEST})
    of_before(platform)
    outcome = released(1)
    assert (outcome.changed, outcome.pin.serving_image) == (True, SERVING_DIGEST)
    rollback.rollback("local", "iris", quiet, LOG)
    assert served_in(1) == EARLIER_DIGEST
    assert platform.checked[-1]["image"].endswith(f"@{EARLIER_DIGEST}")


def test_a_release_of_before_whose_pods_nobody_finds_is_not_restored(platform: Platform) -> None:
    of_before(platform)
    del platform.kubectl.objects["deployment", "iris"]
    platform.failures = ["no"]
    assert "the state without a release is restored" in refused(lambda: released(2))


@pytest.mark.usefixtures("platform")
def test_a_rollback_in_an_image_that_no_longer_runs_says_how_to_serve_that_version_in_todays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    released(1)
    build(monkeypatch, NEWER)
    released(1)

    def gone(_: object, job: dict[str, Any], __: object) -> jobs.Ended:
        raise UserError(f"the image {job['spec']['template']['spec']['containers'][0]['image']} is not in the registry")

    monkeypatch.setattr(jobs, "run", gone)
    assert refused(lambda: rollback.rollback("local", "iris", quiet, LOG)) == (
        f"the image {with_digest(IMAGE, SERVING_DIGEST)} is not in the registry\nInstead, `groundwork release iris "
        "--model-version 1 --stack local` tries that version in today's serving image."
    )
    assert served_in(1) == NEWER


def test_a_rollback_to_a_pin_of_before_is_tried_and_pinned_in_todays_image(platform: Platform) -> None:
    before = of_before(platform)
    write_releases(
        "local", {"iris": Release.model_validate({**released(2).pin.model_dump(), "history": (before.pin,)})}
    )
    rollback.rollback("local", "iris", quiet, LOG)
    assert served_in(1) == SERVING_DIGEST
    assert platform.checked[-1]["image"].endswith(f"@{SERVING_DIGEST}")


TYPES = ["a.B", "a.C"]


def as_skops(monkeypatch: pytest.MonkeyPatch, trusted: list[str]) -> None:
    """From here on workload.yaml says that the models of iris are of skops, and today's image for these is there."""
    iris = catalog.load("iris")
    changed = iris.model_copy(
        update={"serving": iris.serving.model_copy(update={"format": "skops", "trusted": trusted})}
    )
    monkeypatch.setattr(catalog, "load", always(changed))
    locked = {
        name: LockedImage(digest=digest, inputs=digest, version="0.1.0")
        for name, digest in {"serving": SERVING_DIGEST, "serving-skops": NEWER}.items()
    }
    monkeypatch.setattr(release, "read_images", always(locked))


def test_a_workload_of_skops_is_checked_and_pinned_in_its_own_image_with_what_it_trusts(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_skops(monkeypatch, TYPES)
    released(3)
    checked, current = platform.checked[0], pinned()
    assert checked["image"] == f"{repository_of(IMAGE)}-skops@{NEWER}"
    assert checked["MODEL_TRUSTED"] == '["a.B","a.C"]'
    assert current is not None
    assert (current.serving_repository, current.serving_image, current.trusted) == (
        "serving-skops",
        NEWER,
        ("a.B", "a.C"),
    )


def test_a_rollback_from_skops_runs_in_the_image_of_before_and_trusts_what_was_trusted_then(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    released(1)
    as_skops(monkeypatch, TYPES)
    released(2)
    rollback.rollback("local", "iris", quiet, LOG)
    assert platform.checked[-1]["image"] == with_digest(IMAGE, SERVING_DIGEST)
    assert platform.checked[-1]["MODEL_TRUSTED"] == ""
    assert (served_in(1), getattr(pinned(), "serving_repository", None)) == (SERVING_DIGEST, "serving")


def test_a_type_that_is_trusted_no_longer_is_a_release_to_be_checked(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_skops(monkeypatch, TYPES)
    assert released(1).changed
    assert not released(1).changed
    as_skops(monkeypatch, TYPES[:1])
    assert released(1).changed
    assert platform.checked[-1]["MODEL_TRUSTED"] == '["a.B"]'
