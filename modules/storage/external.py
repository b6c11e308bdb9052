"""An object store that somebody else runs: its buckets are used as they are, and no server is created."""

from collections.abc import Mapping

import pulumi

from modules.core.component import Component
from modules.core.contracts import Consumer, ObjectStore
from modules.core.labels import Labels

from .credentials import CA, CLIENT_SECRET, credentials_secret
from .documents import KeyPair
from .external_settings import ExternalStoreSettings, prefixes


def external_store(settings: ExternalStoreSettings, environment: str, consumers: Mapping[str, Consumer]) -> ObjectStore:
    """Return the contract with the clients of somebody else's store."""
    return ObjectStore(
        endpoint=settings.endpoint,
        reach=settings.reach(settings.port),
        region=settings.region,
        buckets=settings.buckets.by_role(),
        prefixes=prefixes(environment),
        credentials={client: CLIENT_SECRET for client, consumer in sorted(consumers.items()) if consumer.buckets},
        ca=None if settings.ca is None else CA,
    )


class ExternalStore(Component):
    """Each consumer's keys. `contract`: what `external_store` says. `secret_key`: of the one access key that all
    consumers share. `ca`: content of the PEM file of the CA that the store's certificate is of."""

    granted: Mapping[str, pulumi.Output[str]]
    """The namespace of each consumer that has buckets, known once the keys are in it."""

    def __init__(
        self,
        name: str,
        *,
        settings: ExternalStoreSettings,
        labels: Labels,
        contract: ObjectStore,
        secret_key: pulumi.Output[str],
        ca: str | None,
        namespaces: Mapping[str, pulumi.Input[str]],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, labels=labels, opts=opts)
        keys = secret_key.apply(lambda secret: KeyPair(accessKey=settings.access_key_id, secretKey=secret))
        secrets = {
            client: credentials_secret(self, client, secret, keys=keys, namespace=namespaces[client], ca=ca)
            for client, secret in contract.credentials.items()
        }
        self.granted = {client: secret.metadata.namespace for client, secret in secrets.items()}
        self.register_outputs({})
