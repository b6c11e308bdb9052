"""A pin that a model server takes: signed by a key of the tests."""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from workloads.server.model import Pin
from workloads.signing import Statement, Trust, public_pem, sign

KEY = Ed25519PrivateKey.generate()


def signed_pin(*, uri: str, digest: str) -> Pin:
    """Version 3 of the model `box`, whose files may be anywhere in the bucket `artifacts`."""
    said = Statement(
        model="box",
        uri=uri,
        digest=digest,
        run="run",
        data_digest="sha256:data",
        image_digest="sha256:image",
        config_digest="sha256:config",
    )
    trust = Trust(public_key=public_pem(KEY), root="s3://artifacts")
    return Pin(version="3", statement=said, signature=sign(KEY, said), trust=trust)


def variables(pin: Pin) -> dict[str, str]:
    """The environment from which a pod of the serving image reads the pin."""
    said = pin.statement
    return {
        "MODEL_NAME": said.model,
        "MODEL_VERSION": pin.version,
        "MODEL_URI": said.uri,
        "MODEL_DIGEST": said.digest,
        "MODEL_RUN": said.run,
        "MODEL_DATA_DIGEST": said.data_digest,
        "MODEL_IMAGE_DIGEST": said.image_digest,
        "MODEL_CONFIG_DIGEST": said.config_digest,
        "MODEL_SIGNATURE": pin.signature,
        "MODEL_PUBLIC_KEY": pin.trust.public_key,
        "MODEL_ROOT": pin.trust.root,
    }
