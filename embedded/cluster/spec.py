"""What a cluster is asked to be."""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from modules.core.errors import UserError
from modules.core.simulation import SimulatedNode

from .layout import BINARIES, REGISTRY_PORT
from .network import Network, split

NAME = re.compile(r"[a-z]([a-z0-9-]{0,38}[a-z0-9])?")
SIMULATED_MOST = 1000
OWN_ISSUER = "https://kubernetes.default.svc.cluster.local"


@dataclass(frozen=True, kw_only=True)
class Wording:
    """What messages call that which a person can change: the key path of a setting, an option, a command."""

    network: str = "network"
    api_port: str = "api_port"
    start_seconds: str | None = None
    """None where a person can't set it."""
    destroy: str = "destroy"


@dataclass(frozen=True, kw_only=True)
class ClusterSpec:
    """One embedded cluster. Wrong values are refused with a UserError that names the field."""

    name: str
    """Name of cluster, node and kubeconfig context: at most 40 lower-case letters, digits and dashes."""
    network: str
    """A private IPv4 /16, for this cluster alone."""
    bin_dir: Path
    """Folder of the Kubernetes binaries, coredns, kwok, registry and pause."""
    state_dir: Path
    """Folder of everything that is this cluster's; `destroy` removes it."""
    registry_dir: Path
    """Storage of the image registry, which clusters may share; `destroy` leaves it."""
    api_port: int | None = None
    """Where the API server is published on 127.0.0.1; None: it answers at the node's address alone."""
    outside_images: bool = False
    """Whether the node pulls images of other registries too, by way of this machine; pods reach nothing outside."""
    simulated_nodes: int = 0
    """Nodes that only pretend to run their pods, labelled and tainted groundwork.dev/simulated."""
    simulated_pools: Sequence[SimulatedNode] = ()
    """More of these, which stand for the pools of a cloud."""

    issuer: str = OWN_ISSUER
    """URL as which the tokens of service accounts name the cluster, for those outside that trust them."""

    names: Sequence[tuple[str, str]] = ()
    """What the name servers know beside the cluster's own names: a pattern that a whole name matches (RE2, with the
    dot at its end), and the IPv4 address, a template of CoreDNS's that may use the pattern's groups."""

    registry_names: Sequence[str] = ()
    """Host names of registries whose images the node takes from the cluster's own."""

    dns_in_pods: bool = False
    """Whether pods ask the Service at `addresses.dns_service` for names, which whoever has the cluster deploys; False:
    the node itself."""

    platform: bool = False
    """Whether an environment's platform is on it, and nothing else: only its namespaces publish Services on this
    machine, what `restrictions` has is refused, and
    a pod is restricted where its namespace does not say otherwise."""

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise UserError(
                f"cluster name: {self.name!r}: allowed are at most 40 lower-case letters, digits and dashes, "
                "a letter first, no dash last"
            )
        split(self.network)
        if self.api_port is not None and not 1 <= self.api_port <= 65535:
            raise UserError(f"api_port: {self.api_port}: allowed is 1 to 65535")
        if not 0 <= self.simulated_nodes <= SIMULATED_MOST:
            raise UserError(f"simulated_nodes: {self.simulated_nodes}: allowed is 0 to {SIMULATED_MOST}")
        if self.simulated_nodes + len(self.simulated_pools) > SIMULATED_MOST:
            raise UserError(
                f"simulated_nodes: {self.simulated_nodes}, and {len(self.simulated_pools)} of pools: allowed are "
                f"{SIMULATED_MOST} together"
            )

    @cached_property
    def addresses(self) -> Network:
        return split(self.network)

    @property
    def registry_address(self) -> str:
        return f"{self.addresses.node}:{REGISTRY_PORT}"

    def to_json(self) -> str:
        return json.dumps(asdict(self), default=str, indent=1)

    @classmethod
    def from_json(cls, text: str) -> "ClusterSpec":
        fields: dict[str, Any] = json.loads(text)
        fields["simulated_pools"] = tuple(SimulatedNode(**each) for each in fields.get("simulated_pools", ()))
        fields["names"] = tuple((pattern, address) for pattern, address in fields.get("names", ()))
        fields["registry_names"] = tuple(fields.get("registry_names", ()))
        for name in ("bin_dir", "state_dir", "registry_dir"):
            fields[name] = Path(fields[name])
        return cls(**fields)

    def fingerprint(self) -> str:
        """Changes when a running cluster has to be started anew to be what is asked for.

        That is: with this spec, with any binary, and with any source of this package.
        """
        digest = hashlib.sha256(self.to_json().encode())
        for name in BINARIES:
            binary = (self.bin_dir / name).resolve()
            if binary.exists():
                digest.update(f"{name} {binary} {binary.stat().st_size} {binary.stat().st_mtime_ns}\n".encode())
        here = Path(__file__).parent
        for source in sorted([*here.glob("*.py"), *here.glob("files/*")]):
            digest.update(source.read_bytes())
        return digest.hexdigest()[:16]
