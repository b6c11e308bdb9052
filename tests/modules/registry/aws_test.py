"""What the registry's component declares on AWS, seen through the engine's mocks."""

import json
from typing import Any

import pytest

from modules.core.aws import AwsAccount
from modules.core.labels import Labels
from modules.core.protection import Protection, safeguards
from modules.registry.aws import EcrRegistry, lifecycle
from modules.registry.ecr import ecr_registry
from tests.mocks import Declared, declare

ACCOUNT = AwsAccount(partition="aws", id="123456789012", region="eu-west-1")
TAGS = {"environment": "dev", "owner": "someone"}


def declared(protection: Protection = "disposable") -> list[Declared]:
    def program() -> None:
        EcrRegistry(
            "registry",
            images=["serving", "mlflow"],
            safeguards=safeguards(protection),
            tags=TAGS,
            labels=Labels(environment="dev", owner="someone"),
        )

    return declare(program)[0].declared


@pytest.fixture(scope="module")
def resources() -> list[Declared]:
    return declared()


def of_kind(resources: list[Declared], kind: str) -> dict[str, dict[str, Any]]:
    return {each.name: each.inputs for each in resources if each.type.rpartition(":")[2] == kind}


def test_each_image_has_a_repository_where_the_contract_says(resources: list[Declared]) -> None:
    names = {each["name"] for each in of_kind(resources, "Repository").values()}
    assert names == {"groundwork-dev/mlflow", "groundwork-dev/serving"}
    contract = ecr_registry("dev", ACCOUNT)
    assert contract.push == contract.pull == "123456789012.dkr.ecr.eu-west-1.amazonaws.com/groundwork-dev"
    assert contract.pull_secret is None


def test_a_tag_always_means_the_same_image_which_is_scanned_and_encrypted(resources: list[Declared]) -> None:
    (key,) = of_kind(resources, "Key").values()
    assert key["enableKeyRotation"] is True
    for each in of_kind(resources, "Repository").values():
        assert each["imageTagMutability"] == "IMMUTABLE"
        assert each["imageScanningConfiguration"] == {"scanOnPush": True}
        (encryption,) = each["encryptionConfigurations"]
        assert (encryption["encryptionType"], encryption["kmsKey"]) == ("KMS", "arn:aws:any:::it")


def test_images_with_a_tag_are_kept_so_that_releases_can_be_rolled_back(resources: list[Declared]) -> None:
    (rule,) = json.loads(lifecycle())["rules"]
    assert rule["selection"]["tagStatus"] == "untagged"
    assert all(each["policy"] == lifecycle() for each in of_kind(resources, "LifecyclePolicy").values())


def test_only_disposable_repositories_are_deleted_with_their_images(resources: list[Declared]) -> None:
    assert all(each["forceDelete"] for each in of_kind(resources, "Repository").values())
    for protection in ("removable", "full"):
        assert not any(each["forceDelete"] for each in of_kind(declared(protection), "Repository").values())


def test_everything_that_takes_tags_has_all_of_them(resources: list[Declared]) -> None:
    for kind in ("Repository", "Key"):
        for each in of_kind(resources, kind).values():
            assert each["tags"].items() >= TAGS.items()
