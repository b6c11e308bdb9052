"""Which instance types a declaration of a pool allows, and why there are none."""

from collections.abc import Sequence

from modules.core.settings import advice

from .facts import NONE, InstanceType, families, instance_types

ARCHITECTURE = "amd64"
"""Of the platform's images, and so of all nodes."""


def offered(
    *, wanted: Sequence[str], vcpus: int | None, memory_mib: int, device: str | None, devices: int
) -> list[InstanceType]:
    """Return the types that fit, cheapest first. Raise ValueError, which says what is offered instead, where none is.

    wanted: families, none for any. vcpus: exactly, None for any number. memory_mib: at least. device: None for nodes
    without accelerators.
    """
    _check_families(wanted, device)
    alike = _with_device(wanted, device or NONE)
    if not alike:
        places = sorted({each.family for each in instance_types() if each.device == device})
        raise ValueError(f"families {_words(wanted)} have no {device}: allowed with it: {_words(places)}")
    counted = [each for each in alike if each.devices == devices]
    if not counted:
        counts = sorted({each.devices for each in alike})
        raise ValueError(f"no instance type{_of(wanted)} has {devices} {device}: allowed gpu.count: {_words(counts)}")
    sized = [each for each in counted if vcpus in {None, each.vcpus}]
    if not sized:
        counts = sorted({each.vcpus for each in counted})
        raise ValueError(f"no instance type{_of(wanted)} has {vcpus} vCPUs: allowed shape.cpu: {_words(counts)}")
    if found := [each for each in sized if each.memory_mib >= memory_mib]:
        return found
    largest = max(each.memory_mib for each in sized) // 1024
    raise ValueError(
        f"no instance type{_of(wanted)} with {vcpus} vCPUs has {memory_mib / 1024:g}Gi of memory: allowed "
        f"shape.memory: at most {largest}Gi"
    )


def _check_families(wanted: Sequence[str], device: str | None) -> None:
    allowed = sorted({each.family for each in instance_types() if each.architecture == ARCHITECTURE})
    for family in wanted:
        if family not in families():
            raise ValueError(f"families holds {family!r}: {advice(family, allowed)}")
        if family not in allowed:
            raise ValueError(
                f"families holds {family!r}, which has not the architecture {ARCHITECTURE} that the images are built "
                f"for, so that no pod would run there: {advice(family, allowed)}"
            )
    found = [each for each in instance_types() if each.family in wanted]
    if device is None and (devices := sorted({each.device for each in found if each.devices})):
        raise ValueError(
            f"families {_words(wanted)} have accelerators ({_words(devices)}), and pods that need none would take "
            "their nodes: declare gpu, or choose other families"
        )


def _with_device(wanted: Sequence[str], device: str) -> list[InstanceType]:
    return [
        each
        for each in instance_types()
        if each.device == device and (each.family in wanted or (not wanted and each.architecture == ARCHITECTURE))
    ]


def _of(wanted: Sequence[str]) -> str:
    return f" of {_words(wanted)}" if wanted else ""


def _words(values: Sequence[object]) -> str:
    return ", ".join(str(value) for value in values)
