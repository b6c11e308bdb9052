"""How pods reach what is outside of the cluster: the proxy that they take, the certificates that they trust."""

from functools import cache
from urllib.parse import urlsplit

import certifi

from .contracts import Cluster, PodRules
from .naming import hashed

INSIDE = ("localhost", "127.0.0.1", "::1", ".svc", ".svc.cluster.local", "$(KUBERNETES_SERVICE_HOST)")
"""What no proxy leads to: the pod itself, Services by their names, and the cluster's API, which pods know by an address
that Kubernetes puts in place of the last."""
TRUST = "/etc/groundwork/trust"
"""Folder of these files in every pod, where there are certificates that the images don't know."""
TRUST_FILE, OWN_FILE = "ca.pem", "own.pem"
"""All certificates, and those alone that the images don't know."""
TRUST_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "AWS_CA_BUNDLE", "GIT_SSL_CAINFO")
"""By which clients find all, each in place of its own certificates: OpenSSL (Python's ssl and httpx, curl) and Go;
requests; boto3; Git."""


def proxy_variables(cluster: Cluster) -> dict[str, str]:
    """Return the environment variables that lead clients to the proxy: in both spellings, as each client reads another
    one. Nothing where there is none."""
    proxy = cluster.pods.proxy
    if proxy is None:
        return {}
    pods = (cluster.pod_range,) if cluster.pod_range else ()
    exempt = ",".join((*INSIDE, *pods, *proxy.exempt))
    values = {"http_proxy": proxy.http, "https_proxy": proxy.https, "no_proxy": exempt}
    return {spelling: value for name, value in values.items() if value is not None for spelling in (name, name.upper())}


def java_options(cluster: Cluster, trust_store: str) -> list[str]:
    """Return the options by which a Java machine takes the proxy, and trusts what is in a file of its own format: it
    reads none of the variables."""
    proxy = cluster.pods.proxy
    options: list[str] = []
    for scheme, url in (("http", proxy.http), ("https", proxy.https)) if proxy else ():
        if url is not None:
            host, port = host_and_port(url)
            options += [f"-D{scheme}.proxyHost={host}", f"-D{scheme}.proxyPort={port}"]
    if proxy:
        # Java knows names with a star, and no ranges of addresses.
        hosts = (host for host in (*INSIDE, *proxy.exempt) if "/" not in host)
        patterns = (f"*{host}" if host.startswith(".") else host for host in hosts)
        options.append(f"-Dhttp.nonProxyHosts={'|'.join(patterns)}")
    if cluster.pods.ca is not None:
        # The password that Java itself gives its certificates, which are no secret.
        options += [f"-Djavax.net.ssl.trustStore={trust_store}", "-Djavax.net.ssl.trustStorePassword=changeit"]
    return options


def host_and_port(url: str) -> tuple[str, int]:
    """Return where a server listens that is known by an http:// or https:// URL."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or {"http": 80, "https": 443}[parts.scheme]


def trust_variables(rules: PodRules) -> dict[str, str]:
    """Return the environment variables that lead clients to the certificates that all pods trust."""
    return {} if rules.ca is None else dict.fromkeys(TRUST_VARIABLES, f"{TRUST}/{TRUST_FILE}")


def trust_name(ca: str) -> str:
    """Return the name of the ConfigMap of each namespace that holds `trust_files`."""
    return hashed("trust", trust_files(ca))


def beside_own(rules: PodRules, ca: str | None) -> str | None:
    """Return the certificates that the clients of one server trust, of an authority of its own: with those of the pods'
    rules, since they read one file alone. None where the server has no such authority."""
    if ca is None or rules.ca is None:
        return ca
    return f"{_blocks(ca)}{_blocks(rules.ca)}"


@cache
def trust_files(ca: str) -> dict[str, str]:
    """Return the files of certificates that pods trust: the public authorities', as Mozilla lists them, with these.

    One file of both, since clients read the one that they are led to in place of their own."""
    own = _blocks(ca)
    return {TRUST_FILE: f"{_blocks(certifi.contents())}{own}", OWN_FILE: own}


def _blocks(text: str) -> str:
    """The certificates alone, without the comments between them."""
    lines: list[str] = []
    inside = False
    for line in map(str.strip, text.splitlines()):
        inside = inside or line == "-----BEGIN CERTIFICATE-----"
        if inside:
            lines.append(f"{line}\n")
        inside = inside and line != "-----END CERTIFICATE-----"
    return "".join(lines)
