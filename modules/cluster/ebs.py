"""Volumes of EBS: the class of the platform's claims."""

import pulumi
from pulumi_kubernetes.storage.v1 import StorageClass

from modules.core.component import Component
from modules.core.labels import Labels


class EbsClass(Component):
    """`physical_name`: of the class, which belongs to no namespace."""

    storage_class: pulumi.Output[str]
    """Its name, known once it is there."""

    def __init__(
        self, name: str, *, physical_name: str, labels: Labels, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(name, labels=labels, opts=opts)
        made = StorageClass(
            f"{name}-class",
            metadata=self.meta(physical_name, component="volumes"),
            provisioner="ebs.csi.aws.com",
            parameters={"type": "gp3", "encrypted": "true"},
            reclaim_policy="Delete",
            # In the zone of the pod that asks for it first.
            volume_binding_mode="WaitForFirstConsumer",
            allow_volume_expansion=True,
            opts=self.child(),
        )
        self.storage_class = made.metadata.apply(lambda metadata: metadata.name or "")
        self.register_outputs({"storage_class": self.storage_class})
