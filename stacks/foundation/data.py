"""The object store and the database of a platform on a cluster: each in the cluster itself, or somebody else's."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pydantic import SecretStr

from modules.core import naming
from modules.core.contracts import ROLES, Cluster, Consumer, Database, Grant, ObjectStore, Registry, users_of
from modules.core.errors import UserError
from modules.core.images import require_image
from modules.core.labels import Labels
from modules.core.outside import beside_own
from modules.core.paths import REPOSITORY
from modules.core.settings import PROJECT
from modules.database.documents import connection_limits
from modules.database.external import ExternalDatabase, Home, external_database
from modules.database.postgresql import PostgreSQL, database
from modules.database.service import DATABASE
from modules.storage.external import ExternalStore, external_store
from modules.storage.seaweedfs import SeaweedFS, object_store
from modules.storage.service import STORAGE
from stacks.settings import PlatformSettings

OWN = {
    STORAGE.name: Consumer(buckets=dict.fromkeys(ROLES, Grant(write=("",)))),
    DATABASE.name: Consumer(buckets={}, database=True),
}
"""What the services' own Jobs use, each in the namespace of its service."""
IMAGES = {STORAGE.name: "storage", DATABASE.name: "postgresql"}
"""What runs in those namespaces."""
Granted = Mapping[str, pulumi.Output[str]]
"""The namespace of each consumer that was granted something, known once that is in it."""


def own_consumers(settings: PlatformSettings) -> dict[str, Consumer]:
    """Return the data services that something runs for in the cluster, with what that uses."""
    external = settings.foundation.external
    return {name: own for name, own in OWN.items() if name not in external or external[name].has_namespace}


def data_images(settings: PlatformSettings, environment: str, registry: Registry) -> dict[str, str]:
    """Return the references of the images that data services run. UserError where they were not built."""
    names = [IMAGES[service] for service in own_consumers(settings)]
    return {name: require_image(environment, registry, name) for name in names}


def describe_store(settings: PlatformSettings, environment: str, consumers: Mapping[str, Consumer]) -> ObjectStore:
    """Return the contract of the object store, wherever it is."""
    if (given := settings.external_store) is not None:
        return external_store(given, environment, consumers)
    buckets = {role: naming.bucket(environment, role) for role in ROLES}
    return object_store(STORAGE.name, naming.namespace(environment, STORAGE.name), buckets, consumers)


def describe_database(settings: PlatformSettings, environment: str, consumers: Mapping[str, Consumer]) -> Database:
    """Return the contract of the database, wherever it is."""
    if (given := settings.external_database) is not None:
        return external_database(given, environment, consumers)
    return database(DATABASE.name, naming.namespace(environment, DATABASE.name), consumers)


@dataclass(frozen=True, kw_only=True)
class Place:
    """What data services are deployed with, wherever they run."""

    settings: PlatformSettings
    labels: Labels
    cluster: Cluster
    registry: Registry
    images: Mapping[str, str]
    namespaces: Mapping[str, pulumi.Output[str]]
    """By consumer, and of the data services that something runs for."""
    consumers: Mapping[str, Consumer]
    opts: pulumi.ResourceOptions


def deploy_store(place: Place, contract: ObjectStore) -> Granted:
    """Create the object store, or the keys of somebody else's."""
    settings = place.settings
    if (given := settings.external_store) is not None:
        assert settings.storage_secret_key is not None
        return ExternalStore(
            STORAGE.name,
            settings=given,
            labels=place.labels,
            contract=contract,
            secret_key=_secret(settings.storage_secret_key),
            ca=beside_own(place.cluster.pods, read_ca(given.ca, f"{PROJECT}:foundation.storage.ca")),
            namespaces=place.namespaces,
            opts=place.opts,
        ).granted
    return SeaweedFS(
        STORAGE.name,
        settings=settings.of(STORAGE),
        labels=place.labels,
        cluster=place.cluster,
        contract=contract,
        registry=place.registry,
        image=place.images[IMAGES[STORAGE.name]],
        namespace=place.namespaces[STORAGE.name],
        consumers=place.consumers,
        namespaces=place.namespaces,
        protect=settings.protect_data,
        opts=place.opts,
    ).granted


def deploy_database(place: Place, contract: Database) -> Granted:
    """Create the database server, or the credentials of somebody else's."""
    settings = place.settings
    if (given := settings.external_database) is not None:
        return ExternalDatabase(
            DATABASE.name,
            settings=given,
            labels=place.labels,
            contract=contract,
            passwords={name: _secret(password) for name, password in settings.database_passwords.items()},
            ca=read_ca(given.ca, f"{PROJECT}:foundation.database.ca"),
            namespaces=place.namespaces,
            home=_home(place) if given.has_namespace else None,
            opts=place.opts,
        ).granted
    return PostgreSQL(
        DATABASE.name,
        settings=settings.of(DATABASE),
        labels=place.labels,
        cluster=place.cluster,
        contract=contract,
        registry=place.registry,
        image=place.images[IMAGES[DATABASE.name]],
        namespace=place.namespaces[DATABASE.name],
        namespaces=place.namespaces,
        components=users_of(DATABASE.name, place.consumers),
        limits=connection_limits(settings.of(DATABASE), place.consumers),
        protect=settings.protect_data,
        opts=place.opts,
    ).granted


def read_ca(path: str | None, key: str) -> str | None:
    """Return the content of a PEM file, below the repository or by its whole path. UserError where it is none."""
    if path is None:
        return None
    try:
        text = (REPOSITORY / path).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{key} is {path!r}: not readable as a PEM file: {error}") from error
    if "-----BEGIN CERTIFICATE-----" not in text:
        raise UserError(f"{key} is {path!r}: it holds no certificate: give the PEM file of the CA")
    return text


def _home(place: Place) -> Home:
    image = place.images[IMAGES[DATABASE.name]]
    return Home(namespace=place.namespaces[DATABASE.name], cluster=place.cluster, image=image, registry=place.registry)


def _secret(value: SecretStr) -> pulumi.Output[str]:
    return pulumi.Output.secret(value.get_secret_value())
