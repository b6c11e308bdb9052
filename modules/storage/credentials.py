"""The keys of a consumer, as its pods find them."""

import pulumi
import pulumi_kubernetes as k8s

from modules.core.component import Component

from .documents import KeyPair, shared_credentials

CLIENT_SECRET = "s3-credentials"
CA = "ca.crt"


def credentials_secret(
    component: Component,
    holder: str,
    name: str,
    *,
    keys: pulumi.Output[KeyPair],
    namespace: pulumi.Input[str],
    ca: str | None = None,
) -> k8s.core.v1.Secret:
    """Create the Secret with a key pair. ca: content of the PEM file of the CA that the store's certificate is of."""
    return component.secret(
        f"{component.name}-{holder}-credentials",
        name,
        values={
            "access-key-id": keys.apply(lambda pair: pair["accessKey"]),
            "secret-access-key": keys.apply(lambda pair: pair["secretKey"]),
            "credentials": keys.apply(shared_credentials),
            **({} if ca is None else {CA: ca}),
        },
        namespace=namespace,
    )
