"""The documents that the parts of a cluster read: pure functions of its spec, and one that writes them all."""

import base64
import json
import os
from pathlib import Path
from string import Template
from typing import Any

import yaml

from modules.core.tls import CIPHERS

from . import certificates
from .layout import API_PORT, CNI_FOLDERS, CONTAINERD_SOCKET, PAUSE_IMAGE, Layout, cni_folder
from .registry_login import ensure_login, header_lines
from .spec import ClusterSpec

FILES = Path(__file__).parent / "files"
CLIENTS = (
    "kubelet",
    "kube-controller-manager",
    "kube-scheduler",
    "kube-proxy",
    "coredns",
    "kube-router",
    "kwok",
    "metrics-server",
)
"""Parts that talk to the API server, each as a user of its own."""


def api_address(spec: ClusterSpec) -> str:
    return f"https://{spec.addresses.node}:{API_PORT}"


def documents(spec: ClusterSpec) -> dict[str, str]:
    """Content by file name below the `config` folder. None of it is secret; see `hosts_file` for what is."""
    values = _values(spec)
    rendered = {
        "containerd.toml": "containerd.toml",
        "cni/10-pods.conflist": "cni.conflist",
        "kubelet.yaml": "kubelet.yaml",
        "kube-proxy.yaml": "kube-proxy.yaml",
        "Corefile": "Corefile",
        "registry.yaml": "registry.yaml",
        "admission.yaml": "admission.yaml",
        "audit.yaml": "audit.yaml",
    }
    result = {name: Template((FILES / source).read_text()).substitute(values) for name, source in rendered.items()}
    for client in CLIENTS:
        result[f"{client}.kubeconfig"] = json.dumps(client_kubeconfig(spec, client), indent=1)
    # Its templates are kwok's own and full of dollar signs.
    result["kwok-stages.yaml"] = (FILES / "kwok-stages.yaml").read_text()
    result["resolv.conf"] = ""
    return result


def hosts_file(spec: ClusterSpec) -> str:
    """How containerd comes to the cluster's registry: by the cluster's authority and the registry's login. Secret."""
    text = Template((FILES / "hosts.toml").read_text()).substitute(_values(spec))
    return text + header_lines(Layout(spec.state_dir), spec.registry_address)


def client_kubeconfig(spec: ClusterSpec, client: str) -> dict[str, Any]:
    """For a part of the cluster: names the files of its certificate."""
    layout = Layout(spec.state_dir)
    user = {"client-certificate": str(layout.certificate(client)), "client-key": str(layout.key(client))}
    return _kubeconfig(spec, {"certificate-authority": str(layout.certificate("ca"))}, user)


def admin_kubeconfig(spec: ClusterSpec) -> str:
    """For people and programs of this machine: carries the certificate, so that it can be copied. Secret."""
    layout = Layout(spec.state_dir)

    def encoded(path: Path) -> str:
        return base64.b64encode(path.read_bytes()).decode()

    user = {
        "client-certificate-data": encoded(layout.certificate("admin")),
        "client-key-data": encoded(layout.key("admin")),
    }
    authority = {"certificate-authority-data": encoded(layout.certificate("ca"))}
    return yaml.safe_dump(_kubeconfig(spec, authority, user), sort_keys=False)


def write(spec: ClusterSpec) -> None:
    """Makes certificates and documents below the state folder what they should be."""
    layout = Layout(spec.state_dir)
    layout.make()
    spec.registry_dir.mkdir(parents=True, exist_ok=True)
    certificates.ensure(layout, spec.name, spec.addresses)
    ensure_login(layout, spec.registry_address)
    names = (spec.registry_address, *spec.registry_names)
    hosts = {f"registries/{name}/hosts.toml": hosts_file(spec) for name in names}
    for name, content in (documents(spec) | hosts).items():
        path = layout.config / name
        path.parent.mkdir(parents=True, exist_ok=True)
        certificates.write_private(path, content.encode())
    encryption = layout.pki / "encryption.yaml"
    if not encryption.exists():
        key = base64.b64encode(os.urandom(32)).decode()
        text = Template((FILES / "encryption.yaml").read_text()).substitute(key=key)
        certificates.write_private(encryption, text.encode())
    certificates.write_private(layout.kubeconfig, admin_kubeconfig(spec).encode())


def _values(spec: ClusterSpec) -> dict[str, str]:
    layout, network = Layout(spec.state_dir), spec.addresses
    return {
        "name": spec.name,
        "config": str(layout.config),
        "pki": str(layout.pki),
        "node": str(network.node),
        "node_pods": str(network.node_pods),
        "pods": str(network.pods),
        "registry": spec.registry_address,
        "registry_dir": str(spec.registry_dir),
        "registry_hashes": str(layout.registry_hashes),
        "containerd_socket": str(CONTAINERD_SOCKET),
        "pause_image": PAUSE_IMAGE,
        "dns": str(network.dns_service if spec.dns_in_pods else network.node),
        "names": known_names(spec),
        "pod_security": "restricted" if spec.platform else "baseline",
        "ciphers": ", ".join(CIPHERS),
        "cni_bin": str(cni_folder() or CNI_FOLDERS[0]),
    }


def known_names(spec: ClusterSpec) -> str:
    """Return what name servers answer beside the cluster's own names, as lines of a Corefile's server."""
    return "".join(_answers(pattern, address) for pattern, address in spec.names)


def _answers(pattern: str, address: str) -> str:
    """For the Corefile: a name's address. Whoever asks for another kind of answer learns that the name is there."""
    return f"""  template IN A . {{
    match "{pattern}"
    answer "{{{{ .Name }}}} 60 IN A {address}"
    fallthrough
  }}
  template IN AAAA . {{
    match "{pattern}"
    rcode NOERROR
    fallthrough
  }}
"""


def _kubeconfig(spec: ClusterSpec, authority: dict[str, str], user: dict[str, str]) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": spec.name,
        "clusters": [{"name": spec.name, "cluster": {"server": api_address(spec), **authority}}],
        "users": [{"name": spec.name, "user": user}],
        "contexts": [{"name": spec.name, "context": {"cluster": spec.name, "user": spec.name}}],
    }
