"""Composes the platform: a foundation, and on it the services in their order. Creates no resource of its own."""

from collections.abc import Mapping
from typing import Any

import pulumi

from modules.core.contracts import Consumer, Entry, users_of
from modules.core.images import require_image
from modules.core.labels import Labels
from modules.core.service import Context, Deployed, Service
from modules.gateway.documents import address as gateway_address
from modules.gateway.documents import client_address, front_address
from modules.gateway.service import GATEWAY
from modules.registry.third_party import unresolved
from stacks.foundation import Foundation, deploy_foundation, deploy_registry
from stacks.services import SERVICES
from stacks.settings import PlatformSettings
from stacks.third_party import third_party_images

Outputs = dict[str, Any]


def build(settings: PlatformSettings, environment: str) -> Outputs:
    """Create the foundation and every service that the settings switch on. Return the stack's outputs."""
    labels = Labels(environment=environment, owner=settings.owner)
    services = [service for service in SERVICES if settings.has(service)]
    everyone = settings.consumers()
    foundation = deploy_foundation(settings, labels, everyone)
    images: dict[str, str] = {}
    deployed: list[Deployed] = []
    for service in services:
        context = context_of(
            service,
            settings=settings,
            labels=labels,
            foundation=foundation,
            everyone=everyone,
            before=deployed,
        )
        images |= context.images
        assert service.deploy is not None
        deployed.append(service.deploy(context))
    return {
        "urls": {**foundation.addresses, **(client_addresses(settings, foundation.entry) if services else {})},
        "buckets": dict(foundation.object_store.buckets),
        "images": {**foundation.images, **{name: image for name, image in images.items() if "@" in image}},
        **foundation.outputs,
        **{name: value for each in deployed for name, value in each.outputs.items()},
    }


def build_registry(settings: PlatformSettings, environment: str) -> Outputs:
    """Create the registry of the platform's images and nothing else, before any of them is built."""
    deploy_registry(settings, Labels(environment=environment, owner=settings.owner))
    return {}


def context_of(
    service: Service[Any],
    *,
    settings: PlatformSettings,
    labels: Labels,
    foundation: Foundation,
    everyone: Mapping[str, Consumer],
    before: list[Deployed],
) -> Context[Any]:
    """Return what a service is deployed with. `everyone`: all consumers, by name. `before`: what the services before it
    gave."""
    users = users_of(service.name, everyone)
    third_party = third_party_images(service, settings)
    references = {name: image.reference for name, image in third_party.items()}
    return Context(
        name=service.name,
        settings=settings.of(service),
        labels=labels,
        cluster=foundation.cluster,
        store=foundation.object_store,
        catalog=foundation.catalog,
        database=foundation.database,
        identity=foundation.identity,
        registry=foundation.registry,
        images={**built_images(service, settings, labels, foundation), **references},
        unresolved=unresolved(third_party),
        consumers=everyone,
        namespaces=foundation.namespaces,
        clients={name: foundation.namespaces[name] for name in (*users, *([GATEWAY.name] if service.routed else []))},
        client_components=users,
        entry=foundation.entry,
        address=address(service, foundation.entry),
        github_token=settings.github_token,
        protect_data=settings.protect_data,
        provided=[contract for each in before for contract in each.provides],
        routes=[route for each in before for route in each.routes],
        ready=[ready for each in before for ready in each.ready],
        opts=pulumi.ResourceOptions(providers=[foundation.provider]),
    )


def built_images(
    service: Service[Any], settings: PlatformSettings, labels: Labels, foundation: Foundation
) -> dict[str, str]:
    """Return the references of a service's images of this repository. A service without members runs none."""
    if not service.consumers(settings.of(service)):
        return {}
    return {
        image.name: require_image(labels.environment, foundation.registry, image.name)
        for image in settings.built(service)
    }


def address(service: Service[Any], entry: Entry) -> str | None:
    """Return where browsers open a service behind the gateway."""
    return gateway_address(service.name, entry) if service.routed else None


def client_addresses(settings: PlatformSettings, entry: Entry) -> dict[str, str]:
    """Return where any client reaches the landing page, the services behind it and the served models, by service."""
    ports = settings.ports()
    names = (each.name for each in SERVICES if each.routed and not each.members)
    behind = {name: client_address(name, entry) for name in (*names, *sorted(settings.workloads))}
    published = {name: f"http://127.0.0.1:{ports[name]}" for name in settings.workloads if name in ports}
    found = {GATEWAY.name: front_address(entry), **behind, **published}
    return {name: address for name, address in found.items() if address is not None}
