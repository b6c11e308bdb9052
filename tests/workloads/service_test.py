from modules.core.releases import Release
from workloads.service import describe


def test_a_workload_that_was_never_released_has_an_image_but_no_version() -> None:
    assert describe(None, "image@sha256:1", None) == {
        "version": None,
        "image": "image@sha256:1",
        "model_name": None,
        "model_version": None,
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
    described = describe(release, "image", None)
    assert (described["version"], described["model_name"], described["model_version"]) == (4, "iris", 2)
