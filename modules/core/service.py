"""What a service of the platform is, as data: the program, the commands and the documentation are made from it.

A service is a folder with a `service.py` that defines one `Service`, and a line in stacks/services.py. The commands
import it too: whatever needs Pulumi's SDK is imported in the body of `deploy`.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from .contracts import Cluster, Consumer, Database, Entry, Identity, ObjectStore, Registry, Route, TableCatalog
from .errors import UserError
from .images import Image
from .labels import Labels
from .namespaces import NamespaceRef
from .naming import namespace

if TYPE_CHECKING:
    import pulumi
    from pydantic import SecretStr

S = TypeVar("S")
T = TypeVar("T")

NO_DATA = Consumer(buckets={})


@dataclass(frozen=True, kw_only=True)
class Login:
    """Where the credentials of a service are: a Secret in the namespace of a service."""

    namespace: str
    """Name of the service in whose namespace the Secret is."""
    secret: str
    username: str
    """A key of the Secret; or the user name itself, where that is no secret."""
    password: str
    """A key of the Secret."""
    service: str | None = None
    """Name of the Kubernetes Service to log in to; None: the name of the service itself."""


@dataclass(frozen=True, kw_only=True)
class Deployed:
    """What the deployment of a service gives to the services after it, and to people."""

    provides: tuple[object, ...] = ()
    """Contracts, for `Context.require` and `Context.every`."""
    routes: tuple[Route, ...] = ()
    """Where the gateway leads."""
    ready: "tuple[pulumi.Input[object], ...]" = ()
    """Known once what the routes lead to answers."""
    outputs: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Outputs of the stack."""


@dataclass(frozen=True, kw_only=True)
class Context(Generic[S]):
    """What a service is deployed with."""

    name: str
    """Of the service."""
    settings: S
    labels: Labels
    cluster: Cluster
    store: ObjectStore
    catalog: TableCatalog | None
    """Of the lake's tables; None: they are in the object store."""
    database: Database
    identity: Identity
    registry: Registry
    entry: Entry
    images: Mapping[str, str]
    """References of the service's images by name: of this repository by digest, third-party ones as `third_party.yaml`
    has them."""
    unresolved: str | None
    """Why pods of the service's third-party images can't run, for people to read; None where they can."""
    consumers: Mapping[str, Consumer]
    """All who use the platform's data and services, by name."""
    namespaces: "Mapping[str, pulumi.Output[str]]"
    """Names of all namespaces by consumer of data; each is known once what the consumer was granted is in it."""
    clients: "Mapping[str, pulumi.Output[str]]"
    """Namespaces from which the service may be called, by consumer: those that use it, and the gateway's."""
    client_components: Mapping[str, Sequence[str]]
    """Which pods of a client call the service, by client; where it is not there, all of them."""
    address: str | None
    """Where browsers open the service behind the gateway; None where the gateway is not published."""
    github_token: "SecretStr | None"
    protect_data: bool
    """Whether the engine refuses to delete or replace what can't be made again."""
    provided: Sequence[object]
    """Contracts of the services before it."""
    routes: Sequence[Route]
    """Routes to the services before it."""
    ready: "Sequence[pulumi.Input[object]]"
    """Known once what those routes lead to answers."""
    opts: "pulumi.ResourceOptions"

    @property
    def environment(self) -> str:
        return self.labels.environment

    @property
    def namespace(self) -> NamespaceRef:
        """The service's own namespace."""
        return self.namespace_of(self.name)

    def namespace_of(self, consumer: str) -> NamespaceRef:
        """Return the namespace of a consumer."""
        return NamespaceRef(name=namespace(self.environment, consumer), ready=self.namespaces[consumer])

    def every(self, kind: type[T]) -> list[T]:
        """Return the contracts of a kind that services before this one provide."""
        return [each for each in self.provided if isinstance(each, kind)]

    def require(self, kind: type[T]) -> T:
        """Return the contract of a kind. Raise UserError where no service before this one provides it."""
        found = self.every(kind)
        if not found:
            raise UserError(
                f"groundwork:{self.name}: it needs {kind.__name__}, which no service of this stack provides: "
                "switch on the service that does"
            )
        return found[0]


@dataclass(frozen=True, kw_only=True)
class Service(Generic[S]):
    """One service of the platform."""

    name: str
    """Key of its settings below groundwork, part of its namespace's name, its host at the gateway."""
    title: str
    """One line for people, without a full stop."""
    settings: Any
    """The type of its settings."""
    deploy: Callable[[Context[S]], Deployed] | None = None
    """None: it belongs to the foundation, which deploys it, or has another in its place."""
    members: Callable[[S], Mapping[str, Consumer]] | None = None
    """The consumers that it consists of, by name; None: itself alone."""
    needs: Consumer = NO_DATA
    """Buckets, database and services that it uses, where it has no members."""
    routed: bool = False
    """Whether the gateway leads to it, and so may call it."""
    images: tuple[Image, ...] = ()
    """Built from this repository."""
    with_catalog: tuple[Image, ...] = ()
    """Built in place of its images of these names where a catalog has the lake's tables."""
    runs: Callable[[S], Collection[str]] | None = None
    """Names of those of its images that an environment with such settings runs; None: of all."""
    third_party: tuple[str, ...] = ()
    """Names of its images in third_party.yaml."""
    login: Login | None = None

    def consumers(self, settings: S) -> dict[str, Consumer]:
        """Return who uses the platform's data and services for it, by name."""
        return dict(self.members(settings)) if self.members else {self.name: self.needs}

    def built(self, settings: S, *, has_catalog: bool) -> tuple[Image, ...]:
        """Return the images that are built for an environment with such settings. has_catalog: whether a catalog has
        the tables of its lake."""
        other = {image.name: image for image in self.with_catalog} if has_catalog else {}
        images = tuple(other.get(image.name, image) for image in self.images)
        if self.runs is None:
            return images
        names = self.runs(settings)
        return tuple(image for image in images if image.name in names)
