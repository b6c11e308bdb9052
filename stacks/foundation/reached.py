"""What a stack's file says of how the gateway is reached on a cluster that somebody else runs."""

from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from modules.core.contracts import Entry, Ingress, Listener
from modules.core.settings import Settings

By = Literal["none", "load-balancer", "node-port", "ingress", "gateway-api"]
Controller = Literal["nginx", "traefik", "other"]
KNOWN_CONTROLLERS = ("nginx", "traefik")
PORTS: Mapping[By, int] = {"none": 8443, "load-balancer": 443, "node-port": 30443, "ingress": 443, "gateway-api": 443}
"""At which clients connect, where no other is given."""
SERVICE_TYPES: Mapping[By, Literal["LoadBalancer", "NodePort"]] = {
    "load-balancer": "LoadBalancer",
    "node-port": "NodePort",
}
UNPRIVILEGED = 1024
"""The first port that anybody may listen at."""
CERT_MANAGER = "cert-manager.io/"
"""Prefix of the annotations by which it makes the Secret that an Ingress names."""
KEYS: Mapping[By, tuple[str, ...]] = {
    "none": ("port",),
    "load-balancer": ("domain", "port", "addresses", "annotations", "certificate"),
    "node-port": ("domain", "port", "addresses", "annotations", "certificate"),
    "ingress": ("domain", "port", "annotations", "certificate", "ingress_class", "controller", "proxy_namespace"),
    "gateway-api": ("domain", "port", "certificate", "gateway", "proxy_namespace"),
}
"""What belongs to each way beside `by`."""
LABEL = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"


def _address(text: str) -> str:
    return str(ip_address(text))


def _domain(text: str) -> str:
    if text.endswith(".localhost"):
        raise ValueError("each client takes it for its own machine, where it resolves it at all: choose another")
    return text


Domain = Annotated[
    str, StringConstraints(pattern=rf"^({LABEL}\.)+[a-z]([a-z0-9-]{{0,61}}[a-z0-9])?$"), AfterValidator(_domain)
]
"""Two labels at least, and no IP address."""
Address = Annotated[str, AfterValidator(_address)]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$")]
"""Of an object in the cluster."""


class GatewaySettings(Settings):
    """A Gateway that somebody else has."""

    name: Name = Field(description="Of the Gateway, for gateway-api.")
    namespace: Name = Field(
        description="Of the Gateway, for gateway-api; its listener allows routes of the namespace STACK-gateway."
    )
    section: Name | None = Field(default=None, description="Name of its listener; null: each that takes the route.")
    passthrough: bool = Field(
        default=False,
        description="Whether the listener passes TLS through (mode Passthrough; a TLSRoute is made). false: it ends "
        "TLS and speaks HTTPS to the platform's gateway (an HTTPRoute and a BackendTLSPolicy are made).",
    )


class ReachedSettings(Settings):
    """How people and clients outside of the cluster get to the gateway."""

    by: By = Field(
        default="none",
        description="load-balancer, node-port, ingress or gateway-api; none: `groundwork open` forwards a port to it.",
    )
    domain: Domain | None = Field(
        default=None,
        description="Host name that leads to it, such as ml.example.com; each service has a name below it. Needed for "
        "all but none.",
    )
    port: int | None = Field(
        default=None,
        ge=1,
        le=65535,
        description="Port at which clients connect. null: 443; for node-port 30443, of the cluster's range; for none "
        "8443, on 127.0.0.1.",
    )
    addresses: list[Address] = Field(
        default=[],
        description="IP addresses that clients may use in place of the domain: the nodes' or the load balancer's.",
    )
    annotations: dict[str, str] = Field(
        default={},
        description="Of the Service, for whoever publishes it (load-balancer, node-port), or of the Ingress, "
        "cert-manager's among them.",
    )
    certificate: Name | None = Field(
        default=None,
        description="Secret of type kubernetes.io/tls in the namespace STACK-gateway that clients are shown, with the "
        "names that docs/gateway.md lists; for an Ingress with cert-manager's annotation, the one that it makes. null: "
        "the platform's own certificate authority issues one; for an Ingress, its controller has its own.",
    )
    ingress_class: Name | None = Field(default=None, description="IngressClass; null: the cluster's default one.")
    controller: Controller | None = Field(
        default=None,
        description="What the class is of: nginx (ingress-nginx) and traefik are asked to speak HTTPS to the gateway "
        "and to check its certificate; other: your annotations ask for it. null: as ingress_class is named.",
    )
    gateway: GatewaySettings | None = Field(default=None, description="The Gateway that takes the routes.")
    proxy_namespace: Name | None = Field(
        default=None,
        description="Namespace of the Ingress' or the Gateway's pods: no others may connect to the platform's gateway. "
        "null: everyone may; also where these pods are in their node's own network.",
    )

    @model_validator(mode="after")
    def _keys_belong_to_the_way(self) -> Self:
        allowed = KEYS[self.by]
        for name, field in type(self).model_fields.items():
            if name not in ("by", *allowed) and getattr(self, name) != field.default:
                raise ValueError(f"{name} is not for by: {self.by}; allowed with it: {', '.join(allowed)}")
        needed = {"domain", "gateway"} & {*allowed}
        if missing := sorted(name for name in needed if getattr(self, name) is None):
            raise ValueError(f"{missing[0]} is missing, which by: {self.by} needs: {_description(missing[0])}")
        return self

    @model_validator(mode="after")
    def _port_can_be_listened_at(self) -> Self:
        if self.by == "none" and self.client_port < UNPRIVILEGED:
            raise ValueError(f"port is {self.port}: allowed on 127.0.0.1 are {UNPRIVILEGED} to 65535")
        return self

    @model_validator(mode="after")
    def _certificate_is_shown(self) -> Self:
        if self.gateway and self.certificate and not self.gateway.passthrough:
            raise ValueError(
                f"certificate is {self.certificate!r}, but clients are shown the Gateway's own, which ends TLS: remove "
                "it, or set gateway.passthrough"
            )
        managed = of_cert_manager(self.annotations)
        if self.by == "ingress" and managed and self.certificate is None:
            raise ValueError(
                f"certificate is missing: name the Secret that cert-manager is to make for annotations.{managed[0]}"
            )
        return self

    @model_validator(mode="after")
    def _controller_is_known(self) -> Self:
        if self.by == "ingress" and self.controller is None and self.ingress_class not in KNOWN_CONTROLLERS:
            raise ValueError(
                f"controller is missing, which ingress_class {self.ingress_class!r} does not say; allowed: nginx, "
                "traefik, other (whose annotations you give)"
            )
        return self

    @property
    def client_port(self) -> int:
        return self.port or PORTS[self.by]

    def entry(self) -> Entry:
        """Return how the gateway is reached."""
        if self.by == "none":
            return Entry(domain="localhost", addresses=("127.0.0.1",), port=self.client_port, forwarded=True)
        assert self.domain is not None
        in_front = self.by == "ingress"
        return Entry(
            domain=self.domain,
            addresses=self.addresses,
            port=self.client_port,
            service_type=SERVICE_TYPES.get(self.by, "ClusterIP"),
            annotations={} if in_front else self.annotations,
            certificate=None if in_front else self.certificate,
            ingress=self._ingress() if in_front else None,
            listener=None if self.gateway is None else Listener(**self.gateway.model_dump()),
            proxy_namespace=self.proxy_namespace,
        )

    def _ingress(self) -> Ingress:
        controller = self.controller or self.ingress_class
        return Ingress(
            class_name=self.ingress_class,
            controller=controller if controller in KNOWN_CONTROLLERS else None,
            annotations=self.annotations,
            certificate=self.certificate,
        )


def of_cert_manager(annotations: Iterable[str]) -> list[str]:
    """Return those annotations' keys by which cert-manager makes a certificate."""
    return [key for key in annotations if key.startswith(CERT_MANAGER)]


def _description(name: str) -> str:
    return ReachedSettings.model_fields[name].description or ""
