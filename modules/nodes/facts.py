"""What a node of an instance type has, from the generated table."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal, get_args

from . import aws_instances

Model = Literal[
    "t4",
    "a10g",
    "l4",
    "l40s",
    "a100-40gb",
    "a100-80gb",
    "h100",
    "h200",
    "b200",
    "trainium",
    "inferentia2",
]
"""GPUs and other accelerators, by the name that settings have for them."""
MODELS: tuple[Model, ...] = get_args(Model)
NONE = "-"
"""In the table: no accelerator, no price."""
DEVICE_MODELS: dict[tuple[str, int], Model] = {
    ("T4", 16384): "t4",
    ("A10G", 22888): "a10g",
    ("L4", 22888): "l4",
    ("L40S", 45776): "l40s",
    ("A100", 40960): "a100-40gb",
    ("A100", 81920): "a100-80gb",
    ("H100", 81920): "h100",
    ("H200", 144384): "h200",
    ("B200", 183359): "b200",
    ("Trainium", 32768): "trainium",
    ("Inferentia2", 32768): "inferentia2",
}
"""By the cloud's name and the memory of one in MiB."""


@dataclass(frozen=True, kw_only=True)
class InstanceType:
    """A shape that a cloud offers under a name."""

    name: str
    vcpus: int
    memory_mib: int
    architecture: str
    """As Kubernetes names it: amd64, arm64."""
    device: str
    """Model of its accelerators, one of MODELS; NONE where it has none."""
    devices: int
    device_memory_mib: int
    """Of one."""
    efa: int
    """Network interfaces of the kind Elastic Fabric Adapter."""
    nvme_gb: int
    """Of all its local disks together, 10^9 bytes each."""
    price: float | None
    """US dollars an hour on demand, in the region and on the day that the table names; None where it wasn't offered
    there."""

    @property
    def family(self) -> str:
        return self.name.partition(".")[0]


@cache
def instance_types() -> tuple[InstanceType, ...]:
    """Return all types of the table, cheapest first, those without a price last; of the same price, by name."""
    found = (_parsed(line) for line in aws_instances.TABLE.split("\n") if line)
    return tuple(sorted(found, key=lambda each: (each.price is None, each.price, each.name)))


@cache
def families() -> Sequence[str]:
    """Return the families of the table, in alphabetical order."""
    return sorted({each.family for each in instance_types()})


def _parsed(line: str) -> InstanceType:
    name, vcpus, memory, architecture, device, devices, device_memory, efa, nvme, price = line.split(" ")
    return InstanceType(
        name=name,
        vcpus=int(vcpus),
        memory_mib=int(memory),
        architecture=architecture,
        device=device,
        devices=int(devices),
        device_memory_mib=int(device_memory),
        efa=int(efa),
        nvme_gb=int(nvme),
        price=None if price == NONE else float(price),
    )
