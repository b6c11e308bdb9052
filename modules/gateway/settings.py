"""Settings of the gateway."""

from pydantic import Field

from modules.core.settings import Port, Resources, Settings, resources


class GatewaySettings(Settings):
    """HAProxy, and the page with everything on it."""

    local_port: Port | None = Field(
        default=8443,
        description="Port on 127.0.0.1 of the HTTPS entry point, 1024 to 65535; null: not published.",
    )
    portal: Resources = Field(
        default=resources(cpu=("10m", "500m"), memory=("48Mi", "128Mi")), description="Of the landing page."
    )
    resources: Resources = Field(
        default=resources(cpu=("50m", "1"), memory=("96Mi", "256Mi")), description="Of the proxy."
    )
