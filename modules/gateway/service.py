"""The gateway as a service."""

from modules.core.contracts import ServedModel, Tracking
from modules.core.images import Image
from modules.core.service import Context, Deployed, Service
from modules.core.versions import HAPROXY

from .settings import GatewaySettings


def deploy(context: Context[GatewaySettings]) -> Deployed:
    """Create the gateway, which leads to all services before it."""
    from .proxy import Gateway

    Gateway(
        context.name,
        settings=context.settings,
        labels=context.labels,
        cluster=context.cluster,
        entry=context.entry,
        registry=context.registry,
        image=context.images["gateway"],
        namespace=context.namespace,
        routes=context.routes,
        models=context.every(ServedModel),
        tracking=context.require(Tracking),
        ready=context.ready,
        opts=context.opts,
    )
    return Deployed()


GATEWAY = Service[GatewaySettings](
    name="gateway",
    title="Entry point for people and clients",
    settings=GatewaySettings,
    deploy=deploy,
    images=(
        Image(
            name="gateway",
            budget_mb=160,
            containerfile="modules/gateway/Containerfile",
            files=("modules/gateway/files/portal*", "modules/gateway/files/follow.py"),
            group="gateway",
            version=HAPROXY,
        ),
    ),
)
