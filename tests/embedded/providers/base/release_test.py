"""Releases of the SDK's packages."""

from importlib.metadata import version

import pytest

from embedded.providers.base.release import release


@pytest.mark.parametrize("package", ["pulumi", "pulumi_random", "pulumi_tls"])
def test_the_release_is_the_installed_one(package: str) -> None:
    assert release(package) == version(package)


def test_a_package_that_is_not_installed_is_named() -> None:
    with pytest.raises(LookupError, match="pulumi_nothing is not installed"):
        release("pulumi_nothing")
