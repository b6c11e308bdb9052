"""What a stack's file says of all pods, whatever its foundation."""

import re
from ipaddress import ip_address, ip_network
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from modules.core.contracts import IMAGE_USER, PodRules, Proxy, Reach, Toleration
from modules.core.labels import OWN_PREFIXES, check_value, key_prefix
from modules.core.outside import host_and_port
from modules.core.settings import Settings
from modules.core.simulation import SIMULATED

LOWEST_USER, HIGHEST_USER = 10_000, 2**31 - 1
LARGEST_CA = 512 * 1024
"""Bytes. With the public ones, some 240 KiB, the certificates are in a ConfigMap, which holds 1 MiB."""
EVERYWHERE = "0.0.0.0/0"
CONTROLLERS = ("controller-revision-hash", "controller-uid", "job-name", "pod-template-hash")
"""Labels by which Kubernetes' controllers know their pods."""

_HOST = re.compile(r"\.?[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*(:\d{1,5})?")


def _user(user: int | None) -> int | None:
    if user is not None and not LOWEST_USER <= user <= HIGHEST_USER:
        raise ValueError(
            f"allowed are {LOWEST_USER} to {HIGHEST_USER}, since a lower one may be that of a user of the node; "
            "or null, where the cluster gives each namespace its own"
        )
    return user


def _own(key: str, prefix: str) -> None:
    if prefix in OWN_PREFIXES:
        raise ValueError(f"{key!r} is the platform's own: choose a key without the prefix {prefix}/")


def _node_selector(given: dict[str, str]) -> dict[str, str]:
    for key, value in given.items():
        _own(key, key_prefix(key))
        check_value(key, value)
    return given


def _labels(given: dict[str, str]) -> dict[str, str]:
    for key, value in given.items():
        prefix = key_prefix(key)
        _own(key, prefix)
        if key in CONTROLLERS or f".{prefix}".endswith((".kubernetes.io", ".k8s.io")):
            raise ValueError(f"{key!r} is Kubernetes' own, which finds pods by it: choose a key of your own domain")
        check_value(key, value)
    return given


def _annotations(given: dict[str, str]) -> dict[str, str]:
    for key in given:
        prefix = key_prefix(key)
        _own(key, prefix)
        if prefix in {"kubernetes.io", "pulumi.com"}:
            raise ValueError(
                f"{key!r} is read by Kubernetes or the engine itself: choose a key without the prefix {prefix}/"
            )
    return given


def _proxy_url(url: str | None) -> str | None:
    if url is None:
        return None
    try:
        parts = urlsplit(url)
        valid = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # its port is no number
        raise ValueError("expected http://HOST:PORT, the port as a number of at most 65535") from None
    if not valid or parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError("expected http://HOST:PORT or https://HOST:PORT of the proxy, and nothing behind it")
    return url.rstrip("/")


def _exempt(hosts: list[str]) -> list[str]:
    for host in hosts:
        if not (_HOST.fullmatch(host) or _is_range(host)):
            raise ValueError(
                f"{host!r}: expected a host (store.example), a domain with all below it (.example), an address or a "
                "CIDR (10.0.0.0/8), each as an entry of its own"
            )
    return hosts


def _is_range(text: str) -> bool:
    try:
        ip_network(text)
    except ValueError:
        return False
    return True


def _check_ca(text: str) -> None:
    from cryptography.x509 import load_pem_x509_certificates  # 30 ms, which only those who need it wait for

    if "PRIVATE KEY" in text:
        raise ValueError(
            "ca holds a private key, which everyone could read: replace that key, and give the certificate alone"
        )
    size = len(text.encode())
    if size > LARGEST_CA:
        raise ValueError(f"ca has {size} bytes, at most {LARGEST_CA} are allowed: leave out the public authorities")
    try:
        load_pem_x509_certificates(text.encode())
    except ValueError as error:
        raise ValueError(
            "ca is no certificate: expected PEM text, from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----; "
            "write `ca: |` and below it, indented, what is in the file of your authority"
        ) from error


class TolerationSettings(Settings):
    """A taint of nodes that pods may ignore."""

    key: str = Field(description="Of the taint: dedicated.")
    operator: Literal["Equal", "Exists"] = Field(
        default="Equal", description="Equal: the taint has this value. Exists: whatever its value."
    )
    value: str | None = Field(default=None, description="Of the taint.")
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = Field(
        default=None, description="Of the taint: NoSchedule, PreferNoSchedule or NoExecute; null for any."
    )
    seconds: int | None = Field(
        default=None,
        ge=0,
        description="How long a pod stays on a node that gets the taint, for effect NoExecute; null for ever.",
    )

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        key_prefix(self.key)
        if self.key == SIMULATED:
            raise ValueError(f"key {SIMULATED} is of nodes that only pretend to run pods: remove the toleration")
        if (self.operator == "Equal") != (self.value is not None):
            raise ValueError(
                f"operator {self.operator} with value {self.value!r}: Equal needs a value, Exists has none"
            )
        if self.seconds is not None and self.effect != "NoExecute":
            raise ValueError(f"seconds {self.seconds} with effect {self.effect}: only NoExecute ends pods; remove it")
        return self


class ProxySettings(Settings):
    """The way of pods to what is outside of the cluster."""

    http: Annotated[str | None, AfterValidator(_proxy_url)] = Field(
        default=None, description="URL of the proxy for http://, such as http://proxy.example:3128, without a login."
    )
    https: Annotated[str | None, AfterValidator(_proxy_url)] = Field(
        default=None, description="URL of the proxy for https://, most often the same."
    )
    no_proxy: Annotated[list[str], AfterValidator(_exempt)] = Field(
        default=[],
        description="Hosts, domains (.example) and CIDRs outside of the cluster that pods reach without it. Services, "
        "pods and the API of the cluster always are.",
    )

    @model_validator(mode="after")
    def _holds_no_login(self) -> Self:
        # A check of the group: one of the key would show the URL, and so the password.
        for name, url in (("http", self.http), ("https", self.https)):
            if url is not None and "@" in urlsplit(url).netloc:
                raise ValueError(
                    f"{name} holds a login, which everyone could read in the specification of every pod: name a proxy "
                    "that asks for none, such as one of your own that logs in to the other"
                )
        return self

    @model_validator(mode="after")
    def _exempts_of_something(self) -> Self:
        if self.no_proxy and self.http is None and self.https is None:
            raise ValueError("no_proxy is given, but neither http nor https: give the proxy, or remove no_proxy")
        return self


User = Annotated[int | None, AfterValidator(_user)]


class PodsSettings(Settings):
    """What all pods have in common."""

    user: User = Field(
        default=IMAGE_USER,
        description=f"User, group and volumes' group of all pods, {LOWEST_USER} to {HIGHEST_USER}; null: the cluster "
        "gives each namespace its own, as OpenShift does.",
    )
    node_selector: Annotated[dict[str, str], AfterValidator(_node_selector)] = Field(
        default={}, description="Labels of the nodes that may run them."
    )
    tolerations: list[TolerationSettings] = Field(default=[], description="Taints of nodes that they may ignore.")
    labels: Annotated[dict[str, str], AfterValidator(_labels)] = Field(
        default={}, description="Labels beside the platform's and Kubernetes' own."
    )
    annotations: Annotated[dict[str, str], AfterValidator(_annotations)] = Field(
        default={}, description="Annotations beside the platform's own."
    )
    pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = Field(
        default=None,
        description="When nodes pull images: Always, IfNotPresent, Never; null for Kubernetes' choice, which is "
        "IfNotPresent, since every image is named by digest.",
    )
    proxy: ProxySettings = Field(default=ProxySettings(), description="Their way to what is outside of the cluster.")
    ca: str | None = Field(
        default=None,
        description="Certificates (PEM, the text itself) of your own authorities, which they trust beside the public "
        "ones: OpenSSL, Python, curl, Git, Go and Java; PostgreSQL's clients go by the database's own.",
    )

    @model_validator(mode="after")
    def _trusts_certificates(self) -> Self:
        # A check of the group: one of the key would show the text, which may be a private key.
        if self.ca is not None:
            _check_ca(self.ca)
        return self


class EmbeddedPodsSettings(PodsSettings):
    """What all pods on the embedded cluster have in common."""

    user: User = Field(
        default=None,
        description=f"User, group and volumes' group of all pods, {LOWEST_USER} to {HIGHEST_USER}; null: a number of "
        "the stack's own, which no user of this machine has (docs/pods.md).",
    )


def pod_rules(settings: PodsSettings) -> PodRules:
    """Return the contract of what a stack's file says."""
    return PodRules(
        user=settings.user,
        node_selector=settings.node_selector,
        tolerations=tuple(Toleration(**each.model_dump()) for each in settings.tolerations),
        labels=settings.labels,
        annotations=settings.annotations,
        pull_policy=settings.pull_policy,
        proxy=_proxy(settings.proxy),
        ca=settings.ca,
    )


def _proxy(settings: ProxySettings) -> Proxy | None:
    """Network policies know addresses alone: a proxy that is named is let through at any, by its port."""
    ranges: dict[int, set[str]] = {}
    for url in (settings.http, settings.https):
        if url is not None:
            host, port = host_and_port(url)
            ranges.setdefault(port, set()).add(_range_of(host))
    if not ranges:
        return None
    return Proxy(
        http=settings.http,
        https=settings.https,
        reach=tuple(Reach(port=port, ranges=tuple(sorted(found))) for port, found in sorted(ranges.items())),
        exempt=tuple(settings.no_proxy),
    )


def _range_of(host: str) -> str:
    try:
        return str(ip_network(ip_address(host)))
    except ValueError:
        return EVERYWHERE
