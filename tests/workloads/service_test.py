from modules.core.releases import Release
from workloads.service import describe


def test_a_workload_that_was_never_released_has_an_image_but_no_version() -> None:
    assert describe(None, "image@sha256:1", None) == {
        "version": None,
        "image": "image@sha256:1",
        "todays_image": "image@sha256:1",
        "model_name": None,
        "model_version": None,
        "model_format": None,
        "canary": None,
        "address": None,
    }


def test_a_released_workload_is_described_by_its_pin() -> None:
    release = Release(
        release=4,
        model_name="iris",
        model_version=2,
        model_uri="s3://b/k",
        model_digest=f"sha256:{0:064x}",
        run="r",
    )
    described = describe(release, "image:2@sha256:1", None)
    assert (described["version"], described["model_name"], described["model_version"]) == (4, "iris", 2)
    assert (described["image"], described["todays_image"]) == (None, "image:2@sha256:1")


def test_a_release_is_described_by_the_image_that_it_pins_and_by_todays() -> None:
    pinned = f"sha256:{5:064x}"
    release = Release(
        release=4,
        model_name="iris",
        model_version=2,
        model_uri="s3://b/k",
        model_digest=f"sha256:{0:064x}",
        run="r",
        serving_image=pinned,
    )
    described = describe(release, "host:5000/serving:2@sha256:1", None)
    assert described["image"] == f"host:5000/serving@{pinned}"
    assert described["todays_image"] == "host:5000/serving:2@sha256:1"
