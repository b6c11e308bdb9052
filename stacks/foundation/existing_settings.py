"""What a stack's file says of a cluster that somebody else runs."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from modules.cluster.settings import QuotaSettings
from modules.core.contracts import Entry, Registry
from modules.core.external import ExternalSettings
from modules.core.settings import Cidr, Settings
from modules.database.external_settings import ExternalDatabaseSettings
from modules.database.service import DATABASE
from modules.storage.external_settings import ExternalStoreSettings
from modules.storage.service import STORAGE
from stacks.foundation.reached import ReachedSettings
from stacks.foundation.settings import FoundationSettings

NO_LOGIN, OWN_LOGIN = "none", "login"
PULL_SECRET = "registry-login"
Repository = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[a-z0-9._-]+)*$")]
"""host[:port][/path], without a scheme."""


class RegistrySettings(Settings):
    """Where the platform's images are."""

    push: Repository = Field(
        description="Address to which this machine pushes images, host[:port]/path: what `docker login` or `buildah "
        "login` has a login for, if it asks for one."
    )
    pull: Repository | None = Field(
        default=None, description="Address from which nodes pull them, where it is another one than push."
    )
    credentials: str = Field(
        default=NO_LOGIN,
        min_length=1,
        description="Whose login nodes pull with. none: they need none; login: what `docker login` or `buildah login` "
        "has for the pull address on the machine that deploys; or else the path of a file as these write it, such as "
        "of an account that may read only.",
    )
    ca: str | None = Field(
        default=None,
        description="PEM file, below the repository or by its whole path, of the CA certificate by which this machine "
        "trusts the registry; nodes trust it by their own means. null: this machine's own trust.",
    )

    architecture: Literal["amd64", "arm64"] | None = Field(
        default=None,
        description="Of the nodes that run the images, amd64 or arm64; null: this machine's. Images of another one are "
        "not built here: the registry has them, by `groundwork images copy --to`.",
    )

    def contract(self) -> Registry:
        secret = None if self.credentials == NO_LOGIN else PULL_SECRET
        return Registry(push=self.push, pull=self.pull or self.push, pull_secret=secret)


class DnsSettings(Settings):
    """The name servers that pods ask: what network policies open for each of them."""

    namespace: str | None = Field(
        default="kube-system", description="Of their pods; null where none of them is a pod of this cluster."
    )
    labels: dict[str, str] = Field(default={"k8s-app": "kube-dns"}, description="Of their pods.")
    port: int = Field(
        default=53, ge=1, le=65535, description="At which their pods listen: 53, on OpenShift 5353 (1 to 65535)."
    )
    ranges: list[Cidr] = Field(
        default=[],
        description="CIDRs of name servers that are no pods, such as 169.254.20.10/32 of a cache on each node.",
    )


class ExistingSettings(FoundationSettings):
    """A Kubernetes cluster that somebody else runs."""

    target: Literal["existing"] = Field(  # pyright: ignore[reportIncompatibleVariableOverride] # frozen: never written
        description="existing: a Kubernetes cluster that somebody else runs."
    )
    context: str = Field(min_length=1, description="Context of the kubeconfig by which the cluster is reached.")
    kubeconfig: str | None = Field(
        default=None,
        description="Path of the kubeconfig; ~ is your home. null: what KUBECONFIG names, or else ~/.kube/config.",
    )
    registry: RegistrySettings = Field(description="Where the platform's images are.")
    storage_class: str | None = Field(
        default=None, description="StorageClass of the volumes; null: the cluster's default one."
    )
    pod_range: Cidr | None = Field(
        default=None,
        description="CIDR of the pods' addresses, which what may talk HTTPS to the outside may not; null: not known.",
    )
    dns: DnsSettings = Field(default=DnsSettings(), description="The name servers that pods ask.")
    storage: ExternalStoreSettings | None = Field(
        default=None,
        description="An object store that somebody else runs; null: in the cluster, groundwork:storage.",
    )
    database: ExternalDatabaseSettings | None = Field(
        default=None, description="A PostgreSQL that somebody else runs; null: in the cluster, groundwork:database."
    )
    cluster_scope: bool = Field(
        default=True,
        description="Whether the platform makes its namespaces; false: the cluster's admin made them (`groundwork "
        "preflight` names them), and nothing outside of them is touched.",
    )
    reached: ReachedSettings = Field(default=ReachedSettings(), description="How the gateway is reached.")

    @property
    def external(self) -> Mapping[str, ExternalSettings]:
        given = {STORAGE.name: self.storage, DATABASE.name: self.database}
        return {name: settings for name, settings in given.items() if settings is not None}

    @property
    def namespace_quota(self) -> QuotaSettings | None:
        return self.quota if self.cluster_scope else None  # those that an admin made keep the admin's

    def local_ports(self) -> Mapping[str, int]:
        return {"gateway": self.reached.client_port} if self.reached.by == "none" else {}

    def entry(self, local_port: int | None) -> Entry:  # noqa: ARG002  nothing is published here
        return self.reached.entry()
