"""SSM: the machine images of EKS, which AWS publishes as parameters by Kubernetes version, architecture and kind."""

import re
from typing import Any

from moto.ec2.models import ec2_backends
from moto.ec2.models.amis import Ami
from moto.ec2.utils import random_ami_id
from moto.ssm.models import Parameter, SimpleSystemManagerBackend

IMAGE = re.compile(
    r"/aws/service/eks/optimized-ami/(?P<version>1\.[0-9]+)/amazon-linux-2023/"
    r"(?P<architecture>x86_64|arm64)/(?P<kind>standard|nvidia|neuron)/(?P<name>[^/]+)/image_id"
)
NEWEST = "v20251103"
"""Release that `recommended` is."""
OWNER = "602401143452"
"""Account of AWS that the images are of."""


def load() -> None:
    plain = SimpleSystemManagerBackend.get_parameter

    def get_parameter(self: Any, name: str) -> Any:
        match = IMAGE.fullmatch(name)
        return plain(self, name) if match is None else _parameter(self, name, match)

    SimpleSystemManagerBackend.get_parameter = get_parameter


def _parameter(backend: Any, name: str, match: re.Match[str]) -> Any:
    prefix = f"amazon-eks-node-al2023-{match['architecture']}-{match['kind']}-{match['version']}-"
    image = f"{prefix}{NEWEST}" if match["name"] == "recommended" else match["name"]
    if not re.fullmatch(rf"{re.escape(prefix)}v[0-9]{{8}}", image):
        return None
    found = _image(ec2_backends[backend.account_id][backend.region_name], image, match["architecture"])
    return Parameter(
        account_id=backend.account_id,
        name=name,
        value=found.id,
        parameter_type="String",
        description=None,
        allowed_pattern=None,
        keyid=None,
        last_modified_date=found.creation_date,
        version=1,
        data_type="aws:ec2:image",
    )


def _image(backend: Any, name: str, architecture: str) -> Any:
    for each in backend.amis.values():
        if each.name == name:
            return each
    made: Any = Ami(
        backend,
        random_ami_id(),
        name=name,
        owner_id=OWNER,
        owner_alias="amazon",
        public=True,
        architecture=architecture,
        virtualization_type="hvm",
        hypervisor="xen",
        root_device_type="ebs",
        root_device_name="/dev/xvda",
        region_name=f"{backend.region_name}a",
    )
    backend.amis[made.id] = made
    return made
