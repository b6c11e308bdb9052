"""Settings of the database server."""

from pydantic import Field

from modules.core.quantities import Size
from modules.core.settings import Resources, Settings, resources

MAX_CONNECTIONS = 60
"""For which consumers have their shares (`Consumer.connections`)."""


class DatabaseSettings(Settings):
    """PostgreSQL."""

    volume: Size = Field(
        default="5Gi",
        description="Size of the volume of all databases; grows where the storage class lets it, never shrinks.",
    )
    max_connections: int = Field(
        default=MAX_CONNECTIONS,
        ge=10,
        le=1000,
        description="Connections at once, of all services together, 10 to 1000; each has a share of its own.",
    )
    resources: Resources = Field(
        default=resources(cpu=("100m", "1"), memory=("192Mi", "512Mi")), description="Of the server."
    )
