"""Settings of node pools: declared once, the same for every cloud and for the simulated nodes of this machine."""

import re
from collections.abc import Iterable
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from modules.core.labels import OWN_PREFIXES, check_value, key_prefix
from modules.core.quantities import Size, size_bytes
from modules.core.settings import Settings, advice

from .facts import InstanceType, Model
from .gpus import GPU, MIG_PREFIX, MIG_PROFILES, NEURON, NEURON_DEVICE, SHARED_GPU
from .offers import offered

Purpose = Literal["system", "general", "training", "serving"]
PURPOSES: tuple[Purpose, ...] = ("system", "general", "training", "serving")
SMALLEST_DISK, LARGEST_DISK = "20Gi", "16Ti"
"""The image of a node and its first containers; what a gp3 volume holds everywhere."""
OTHERS_PREFIXES = (
    *("kubernetes.io", "k8s.io", "karpenter.sh", "karpenter.k8s.aws"),
    *("nvidia.com", "amazonaws.com", "aws.amazon.com"),
)
"""Of keys by which others than the platform know a node."""

_NAME = re.compile(r"[a-z]([a-z0-9-]{0,18}[a-z0-9])?")


def _key(key: str) -> None:
    prefix = key_prefix(key)
    if prefix in OWN_PREFIXES or f".{prefix}".endswith(tuple(f".{other}" for other in OTHERS_PREFIXES)):
        raise ValueError(f"{key!r} belongs to those who manage nodes: choose a key of your own domain")


def _labels(given: dict[str, str]) -> dict[str, str]:
    for key, value in given.items():
        _key(key)
        check_value(key, value)
    return given


def _disk(text: str) -> str:
    if not size_bytes(SMALLEST_DISK) <= size_bytes(text) <= size_bytes(LARGEST_DISK):
        raise ValueError(f"allowed are {SMALLEST_DISK} to {LARGEST_DISK}")
    return text


class ShapeSettings(Settings):
    """The size of a node."""

    cpu: int = Field(ge=1, le=256, description="Virtual CPUs of a node, exactly, 1 to 256.")
    memory: Size = Field(description="Memory of a node at least, with its unit: 16Gi.")


class GpuSettings(Settings):
    """The accelerators of a node. Without time_slices and mig_profile a pod gets whole ones."""

    model: Model = Field(description="Of all of them: t4, a10g, l4, l40s, a100-40gb, h100 ...")
    count: int = Field(default=1, ge=1, le=16, description="Of one node, 1 to 16.")
    time_slices: int | None = Field(
        default=None,
        ge=2,
        le=64,
        description="Pods that take turns on each, 2 to 64: they share its memory, and a pod asks for one slice only.",
    )
    mig_profile: str | None = Field(
        default=None, description="Profile by which each is divided into instances with memory of their own: 1g.10gb."
    )

    @model_validator(mode="after")
    def _is_shared_one_way(self) -> Self:
        if self.time_slices and self.mig_profile:
            raise ValueError(
                f"time_slices {self.time_slices} and mig_profile {self.mig_profile} are mutually exclusive: remove one"
            )
        if (self.time_slices or self.mig_profile) and not self.is_nvidia:
            raise ValueError(f"{self.model} can't be shared: remove time_slices and mig_profile, or choose a GPU")
        return self

    @model_validator(mode="after")
    def _has_the_profile(self) -> Self:
        if self.mig_profile is None:
            return self
        profiles = MIG_PROFILES.get(self.model)
        if profiles is None:
            raise ValueError(
                f"mig_profile is {self.mig_profile!r}, but {self.model} can't be divided: use time_slices, or a model "
                f"that can: {', '.join(MIG_PROFILES)}"
            )
        if self.mig_profile not in profiles:
            raise ValueError(
                f"mig_profile is {self.mig_profile!r}, which {self.model} lacks: "
                f"{advice(self.mig_profile, list(profiles))}"
            )
        return self

    @property
    def is_nvidia(self) -> bool:
        """Whether NVIDIA's device plugin runs on the nodes."""
        return self.model not in NEURON

    @property
    def resource(self) -> str:
        """What a pod asks for."""
        if not self.is_nvidia:
            return NEURON_DEVICE
        if self.mig_profile:
            return f"{MIG_PREFIX}{self.mig_profile}"
        return SHARED_GPU if self.time_slices else GPU

    @property
    def per_node(self) -> int:
        """How many of the resource a node has."""
        if self.mig_profile:
            return self.count * MIG_PROFILES[self.model][self.mig_profile]
        return self.count * (self.time_slices or 1)


class TaintSettings(Settings):
    """What keeps pods away that don't tolerate it."""

    key: str = Field(description="Of your own domain: example.com/team.")
    value: str = Field(default="", description="Of at most 63 characters.")
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] = Field(
        default="NoSchedule", description="NoSchedule, PreferNoSchedule or NoExecute."
    )

    @model_validator(mode="after")
    def _is_a_taint(self) -> Self:
        _key(self.key)
        check_value(self.key, self.value)
        return self


class PoolSettings(Settings):
    """Nodes that are alike."""

    purpose: Purpose = Field(
        description="system: always there, for what runs the cluster. training: no node goes while a pod runs on it. "
        "serving: one node at a time is replaced. general: everything else."
    )
    families: list[str] = Field(
        default=[],
        description="Families of instance types of architecture amd64, such as m7i; none for any that fits.",
    )
    shape: ShapeSettings | None = Field(default=None, description="The size of each node; null: any of the families.")
    gpu: GpuSettings | None = Field(default=None, description="The accelerators of each node; null: none.")
    min: int = Field(default=0, ge=0, le=1000, description="Nodes at all times, for purpose system alone, 0 to 1000.")
    max: int = Field(ge=1, le=1000, description="Nodes at most, 1 to 1000.")
    capacity: Literal["on-demand", "spot", "spot-with-fallback"] = Field(
        default="on-demand",
        description="spot: cheaper nodes that the cloud takes back at two minutes' notice; with fallback: on demand "
        "while there are none.",
    )
    disk: Annotated[Size, AfterValidator(_disk)] = Field(
        default="100Gi", description=f"The disk of each node, {SMALLEST_DISK} to {LARGEST_DISK}."
    )
    labels: Annotated[dict[str, str], AfterValidator(_labels)] = Field(
        default={}, description="Labels of the nodes beside the platform's own."
    )
    taints: list[TaintSettings] = Field(
        default=[], description="Taints of the nodes beside that of every pool with accelerators."
    )

    @model_validator(mode="after")
    def _counts_fit(self) -> Self:
        if self.min > self.max:
            raise ValueError(f"min {self.min} is more than max {self.max}: change one of them")
        if self.purpose != "system" and self.min:
            raise ValueError(
                f"min is {self.min}, but nodes of purpose {self.purpose} come when pods need them and go when they are "
                "idle: set it to 0"
            )
        keys = [(taint.key, taint.effect) for taint in self.taints]
        if repeated := sorted({key for key in keys if keys.count(key) > 1}):
            raise ValueError(f"taints hold {repeated[0][0]} with effect {repeated[0][1]} twice: remove one")
        return self

    @model_validator(mode="after")
    def _system_holds_the_cluster(self) -> Self:
        if self.purpose != "system":
            return self
        if self.min < 1:
            raise ValueError(
                "min is 0, but what brings other nodes runs on those of purpose system: set it to 1 or more"
            )
        if self.capacity != "on-demand":
            raise ValueError(
                f"capacity is {self.capacity}, but nodes of purpose system bring the others, and when the cloud takes "
                "them back nothing replaces them: set it to on-demand"
            )
        if self.gpu is not None:
            raise ValueError("gpu is set, but nodes of purpose system are always there: declare a pool of its own")
        if self.shape is None:
            raise ValueError("shape is missing: nodes of purpose system are one size, such as {cpu: 2, memory: 8Gi}")
        return self

    @model_validator(mode="after")
    def _is_offered(self) -> Self:
        if not (self.families or self.shape or self.gpu):
            raise ValueError("nothing says which nodes these are: give families, a shape or a gpu")
        self.instance_types()
        return self

    def instance_types(self) -> list[InstanceType]:
        """Return the types that its nodes may have, cheapest first."""
        return offered(
            wanted=self.families,
            vcpus=self.shape and self.shape.cpu,
            memory_mib=size_bytes(self.shape.memory) // 2**20 if self.shape else 0,
            device=self.gpu and self.gpu.model,
            devices=self.gpu.count if self.gpu else 0,
        )


class TeamSettings(Settings):
    """What each namespace of a team may take: Kubernetes counts no two together."""

    workloads: list[str] = Field(
        min_length=1,
        description="Names of its workloads, one at least: the namespaces of each have the quota.",
    )
    gpus: dict[str, int] = Field(
        default={},
        description="Accelerators, slices or MIG instances that the pods of a namespace may have at once, by pool; "
        "of others none.",
    )


class PoolsSettings(Settings):
    """The nodes of a cluster."""

    pools: dict[str, PoolSettings] = Field(default={}, description="Pools by name.")

    @model_validator(mode="after")
    def _pools_have_short_names(self) -> Self:
        _check_names("pools", self.pools)
        return self


class NodesSettings(PoolsSettings):
    """The nodes of a cluster, and who may have which."""

    teams: dict[str, TeamSettings] = Field(default={}, description="Quotas of accelerators by team.")

    @model_validator(mode="after")
    def _quotas_can_be_used(self) -> Self:
        _check_names("teams", self.teams)
        whose: dict[str, str] = {}
        for team, given in self.teams.items():
            for workload in given.workloads:
                if workload in whose:
                    raise ValueError(
                        f"teams.{team}.workloads holds {workload!r}, which is in teams.{whose[workload]}.workloads: "
                        "remove one of them"
                    )
                whose[workload] = team
            for pool, count in given.gpus.items():
                _check_quota(f"teams.{team}.gpus.{pool}", count, pool, self.pools)
        return self


def _check_names(kind: str, names: Iterable[str]) -> None:
    for name in names:
        if not _NAME.fullmatch(name):
            raise ValueError(
                f"{kind}.{name}: allowed names are at most 20 lower-case letters, digits and dashes, a letter first, "
                "no dash last"
            )


def _check_quota(key: str, count: int, pool: str, pools: dict[str, PoolSettings]) -> None:
    with_gpus = {name: each.gpu for name, each in pools.items() if each.gpu is not None}
    gpu = with_gpus.get(pool)
    if gpu is None:
        raise ValueError(f"{key}: no pool {pool!r} has accelerators; {advice(pool, sorted(with_gpus))}")
    most = gpu.per_node * pools[pool].max
    if not 0 <= count <= most:
        raise ValueError(
            f"{key} is {count}: the pool has {most} of {gpu.resource} at most ({pools[pool].max} nodes with "
            f"{gpu.per_node} each): allowed are 0 to {most}; or raise pools.{pool}.max"
        )
