"""The registry on AWS: a repository of ECR for each image."""

import json
from collections.abc import Iterable, Mapping

import pulumi
from pulumi_aws.ecr import (
    LifecyclePolicy,
    Repository,
    RepositoryEncryptionConfigurationArgs,
    RepositoryImageScanningConfigurationArgs,
)
from pulumi_aws.kms import Alias, Key

from modules.core.component import Component, after
from modules.core.labels import Labels
from modules.core.protection import Safeguards

from .ecr import prefix

UNTAGGED_DAYS = 14
"""How long an image is kept that no tag names any more: what runs is named by a digest, and has a tag too."""


def lifecycle() -> str:
    """Return which images ECR deletes: those that lost their tag, and no others."""
    rule = {
        "rulePriority": 1,
        "description": "Images without a tag",
        "selection": {
            "tagStatus": "untagged",
            "countType": "sinceImagePushed",
            "countUnit": "days",
            "countNumber": UNTAGGED_DAYS,
        },
        "action": {"type": "expire"},
    }
    return json.dumps({"rules": [rule]})


class EcrRegistry(Component):
    """`images`: their names. `tags`: of everything that takes tags, beside its name."""

    repositories: Mapping[str, pulumi.Output[str]]
    """URL by image, known once the repository is as it must be before anything is in it."""

    def __init__(
        self,
        name: str,
        *,
        images: Iterable[str],
        safeguards: Safeguards,
        tags: Mapping[str, str],
        labels: Labels,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, labels=labels, opts=opts)
        whole = prefix(labels.environment)
        key = Key(
            f"{name}-images",
            description=f"Images of {whole}",
            enable_key_rotation=True,
            deletion_window_in_days=safeguards.key_days,
            tags={**tags, "Name": f"{whole}-images"},
            opts=self.child(),
        )
        Alias(f"{name}-images", name=f"alias/{whole}-images", target_key_id=key.key_id, opts=self.child())
        self.repositories = {
            image: self._repository(image, f"{whole}/{image}", key.arn, safeguards, tags) for image in sorted(images)
        }
        self.register_outputs({"repositories": self.repositories})

    def _repository(
        self,
        image: str,
        physical_name: str,
        key: pulumi.Input[str],
        safeguards: Safeguards,
        tags: Mapping[str, str],
    ) -> pulumi.Output[str]:
        made = Repository(
            f"{self.name}-{image}",
            name=physical_name,
            image_tag_mutability="IMMUTABLE",
            image_scanning_configuration=RepositoryImageScanningConfigurationArgs(scan_on_push=True),
            encryption_configurations=[RepositoryEncryptionConfigurationArgs(encryption_type="KMS", kms_key=key)],
            force_delete=safeguards.emptied,
            tags={**tags, "Name": physical_name},
            opts=self.child(),
        )
        rules = LifecyclePolicy(f"{self.name}-{image}", repository=made.name, policy=lifecycle(), opts=self.child())
        return after(made.repository_url, rules.id)
