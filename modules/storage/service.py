"""The object store as a service."""

from modules.core.images import Image
from modules.core.service import Login, Service

from .settings import StorageSettings

STORAGE = Service[StorageSettings](
    name="storage",
    title="Object store and its buckets",
    settings=StorageSettings,
    images=(
        Image(
            name="storage",
            budget_mb=310,
            containerfile="modules/storage/Containerfile",
            files=("modules/storage/files/buckets.py",),
            group="storage",
            program="weed",
        ),
    ),
    login=Login(namespace="storage", secret="s3-admin", username="access-key-id", password="secret-access-key"),
)
