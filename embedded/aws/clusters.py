"""The control planes of the account's EKS clusters: each is a cluster of embedded/cluster on this machine.

Like the account they live no longer than its server: whatever an earlier one left behind is removed at the start.
"""

import hashlib
import shutil
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from embedded.cluster import Cluster, ClusterSpec
from embedded.cluster.api import Client
from embedded.cluster.certificates import ensure_authority, issue
from embedded.cluster.layout import API_PORT, Layout
from embedded.cluster.network import parse
from modules.core.errors import UserError

from . import entrance

DATABASE_NAMES = (
    "^[^.]+[.]c(?P<a>[0-9]+)-(?P<b>[0-9]+)-(?P<c>[0-9]+)-(?P<d>[0-9]+)[.][^.]+[.]rds[.]amazonaws[.]com[.]$",
    "{{ .Group.a }}.{{ .Group.b }}.{{ .Group.c }}.{{ .Group.d }}",
)
"""Names of databases carry their address, as which a cluster's name servers answer."""
VALID = timedelta(days=365)
"""How long the certificates of other servers are, which are made anew with them."""
NAME_LENGTH = 27
"""Of a cluster's own name in that of its node, which has at most 40 characters."""


@dataclass(frozen=True, kw_only=True)
class Machine:
    """Where on this machine clusters and databases of an account are."""

    folder: Path
    """Of their data: it is removed when a server starts and when it ends."""
    tools: Path
    """Folder of the binaries of a cluster."""
    registry: Path
    """Storage of their image registries, which is kept."""

    @property
    def clusters(self) -> Path:
        """A folder for each cluster, by the name of its node."""
        return self.folder / "clusters"

    @property
    def databases(self) -> Path:
        """A folder for each database."""
        return self.folder / "databases"

    @property
    def lock(self) -> Path:
        """File that the server holds a lock on for as long as it lives."""
        return self.folder / "lock"

    @property
    def ca(self) -> Path:
        """PEM file of the authority of the account's servers, once one has a certificate. It is kept."""
        return self._authority.certificate("ca")

    @property
    def _authority(self) -> Layout:
        return Layout(self.folder / "authority")

    def sign(self, *hosts: str) -> tuple[str, str]:
        """Return the certificate of a server that is none of a cluster's, and its key, PEM."""
        ensure_authority(self._authority, "emulated AWS account")
        return issue(self._authority, hosts[0], hosts=hosts, valid=VALID)


class Clusters:
    """Those of one account, by their ARNs."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self._made: dict[str, Cluster] = {}
        self._lock = threading.Lock()

    def begin(
        self, arn: str, *, network: str, subnets: Sequence[str], issuer: str, done: Callable[[str], None]
    ) -> None:
        """Start one in the background. Raise UserError at once where it can't have its network.

        network: the VPC's range. subnets: ranges of those that are the cluster's. issuer: of its service accounts'
        tokens. done: called at the end, with the reason where it does not run, or with nothing."""
        try:
            parse(network)
        except ValueError as error:
            raise UserError(
                f"the VPC's range is {network}: a cluster takes all of it on this machine: {error}"
            ) from None
        cluster = self._cluster(arn, network, str(entrance.address(network, subnets)), issuer)
        with self._lock:
            for other, made in self._made.items():
                if made.spec.network == network:
                    raise UserError(f"the VPC's range {network} is that of {other}, which takes all of it")
            self._made[arn] = cluster

        def start() -> None:
            try:
                cluster.start()
            except Exception as error:  # whatever it is, whoever waits for the cluster is given the reason
                done(str(error) or type(error).__name__)
            else:
                done("")

        threading.Thread(target=start, daemon=True).start()

    def of(self, arn: str) -> Cluster:
        return self._made[arn]

    def in_network(self, network: str) -> Cluster | None:
        """The cluster whose VPC has this range, ready or not."""
        with self._lock:
            return next((made for made in self._made.values() if made.spec.network == network), None)

    def client(self, arn: str) -> Client:
        """A client of its API server that may do everything."""
        cluster = self.of(arn)
        layout = cluster.layout
        return Client(
            cluster.node_address,
            API_PORT,
            ca=cluster.ca,
            certificate=layout.certificate("supervisor"),
            key=layout.key("supervisor"),
        )

    def destroy(self, arn: str) -> None:
        """End it, with its data. One that never started leaves nothing either."""
        self.of(arn).destroy()
        with self._lock:
            del self._made[arn]

    def destroy_all(self) -> None:
        """End all that have data here, those of an earlier server too, with the databases in their networks."""
        for state in sorted(path for path in self.machine.clusters.glob("*") if path.is_dir()):
            self._named(state.name, "10.0.0.0/16").destroy()  # the network is in no file that goes
        shutil.rmtree(self.machine.databases, ignore_errors=True)

    def _cluster(self, arn: str, network: str, account_address: str, issuer: str) -> Cluster:
        _, _, _, region, account, _ = arn.split(":")
        ecr = f"{account}.dkr.ecr.{region}.amazonaws.com"
        return self._named(
            node_name(arn),
            network,
            issuer=issuer,
            names=(DATABASE_NAMES, (entrance.NAMES, account_address)),
            registry_names=(ecr,),
            dns_in_pods=True,
        )

    def _named(self, name: str, network: str, **other: Any) -> Cluster:
        return Cluster(
            ClusterSpec(
                name=name,
                network=network,
                bin_dir=self.machine.tools,
                state_dir=self.machine.clusters / name,
                registry_dir=self.machine.registry,
                **other,
            )
        )


def node_name(arn: str) -> str:
    """Return the name of the node of an EKS cluster: of one cluster alone, whatever its name, region and account."""
    name = "".join(letter if letter.isalnum() else "-" for letter in arn.rpartition("/")[2].lower())
    digest = hashlib.sha256(arn.encode()).hexdigest()[:8]
    return f"eks-{name[:NAME_LENGTH].strip('-')}-{digest}"
