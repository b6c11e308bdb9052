"""A bare control plane on loopback ports, for tests of what only talks to an API server.

etcd, API server, controller manager, scheduler and kwok, all as children of this process: no node, no root. Its pods
are simulated: they become ready at once.
"""

import json
import os
import secrets
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from ssl import create_default_context
from typing import Any

from embedded.providers.tls.certificates import locally_signed, request, self_signed
from embedded.providers.tls.keys import make_key, private_forms
from modules.core.paths import REPOSITORY

STAGES = REPOSITORY / "embedded" / "cluster" / "files" / "kwok-stages.yaml"
START = 60.0
"""Seconds for the API server's first answer."""
CLIENT_RATE = ("--kube-api-qps=400", "--kube-api-burst=800")
"""As on the embedded cluster: the default rate is made for a thousand nodes to share."""


class ControlPlane:
    """Starts in `start`, ends in `stop`; `folder` holds its data, logs and kubeconfig."""

    def __init__(self, bin_dir: Path, folder: Path, *, nodes: int = 1) -> None:
        self.bin_dir, self.folder, self.nodes = bin_dir, folder, nodes
        self.context = "bare"
        self.kubeconfig = folder / "kubeconfig"
        self.port = 0
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._files = ExitStack()

    @property
    def server(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def start(self) -> "ControlPlane":
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.port, etcd, peers = _free_ports(3)
        self._certificates()
        self._write_kubeconfig()
        try:
            self._start_etcd(etcd, peers)
            self._start_api_server(etcd)
            self._await_api_server()
            self._start_controllers()
            self._simulate_nodes()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """At once: what it kept is of no further use."""
        for process in self._processes.values():
            process.kill()
        for process in self._processes.values():
            process.wait()
        self._processes.clear()
        self._files.close()

    def call(self, method: str, path: str, body: Any = None, content_type: str = "application/json") -> Any:
        """One request as administrator, for arranging and looking at objects."""
        context = create_default_context(cafile=str(self.folder / "ca.crt"))
        context.load_cert_chain(self.folder / "admin.crt", self.folder / "admin.key")
        data = None if body is None else json.dumps(body).encode()
        asked = urllib.request.Request(self.server + path, data, {"Content-Type": content_type}, method=method)
        with urllib.request.urlopen(asked, context=context, timeout=30) as answer:
            return json.loads(answer.read())

    def _certificates(self) -> None:
        ca_key = _new_key()
        ca = self_signed(_authority(ca_key))["certPem"]
        self._keep("ca.crt", ca)
        for name, common, organization in (
            ("server", "kube-apiserver", "groundwork"),
            ("admin", "admin", "system:masters"),
        ):
            key = _new_key()
            subject = {"commonName": common, "organization": organization}
            asked = request({"privateKeyPem": key, "subject": subject, "ipAddresses": ["127.0.0.1"]})
            inputs = {
                "certRequestPem": asked["certRequestPem"],
                "caCertPem": ca,
                "caPrivateKeyPem": ca_key,
                "validityPeriodHours": 24,
                "allowedUses": ["digital_signature", "key_encipherment", "server_auth", "client_auth"],
            }
            self._keep(f"{name}.crt", locally_signed(inputs)["certPem"])
            self._keep(f"{name}.key", key)
        self._keep("accounts.key", _new_key())

    def _keep(self, name: str, text: str) -> None:
        path = self.folder / name
        path.touch(mode=0o600)
        path.write_text(text)

    def _write_kubeconfig(self) -> None:
        # Whole paths: the plugin does not look beside the kubeconfig.
        cluster = {"server": self.server, "certificate-authority": str(self.folder / "ca.crt")}
        user = {"client-certificate": str(self.folder / "admin.crt"), "client-key": str(self.folder / "admin.key")}
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": self.context,
            "clusters": [{"name": self.context, "cluster": cluster}],
            "users": [{"name": self.context, "user": user}],
            "contexts": [{"name": self.context, "context": {"cluster": self.context, "user": self.context}}],
        }
        self._keep("kubeconfig", json.dumps(document, indent=1))

    def _start(self, name: str, arguments: list[str], environment: Mapping[str, str] | None = None) -> None:
        log = self._files.enter_context((self.folder / f"{name}.log").open("ab"))
        self._processes[name] = subprocess.Popen(
            [str(self.bin_dir / name), *arguments],
            stdout=log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )

    def _start_etcd(self, clients: int, peers: int) -> None:
        urls = {"client": f"http://127.0.0.1:{clients}", "peer": f"http://127.0.0.1:{peers}"}
        arguments = [f"--listen-{who}-urls={url}" for who, url in urls.items()]
        arguments += [f"--advertise-client-urls={urls['client']}", f"--initial-advertise-peer-urls={urls['peer']}"]
        # Nothing here outlives a crash of the machine.
        arguments += [f"--initial-cluster=default={urls['peer']}", "--unsafe-no-fsync", "--log-level=warn"]
        self._start("etcd", [f"--data-dir={self.folder / 'etcd'}", *arguments])

    def _start_api_server(self, etcd: int) -> None:
        arguments = [
            f"--etcd-servers=http://127.0.0.1:{etcd}",
            "--bind-address=127.0.0.1",
            f"--secure-port={self.port}",
            "--service-cluster-ip-range=10.96.0.0/16",
            f"--client-ca-file={self.folder / 'ca.crt'}",
            f"--tls-cert-file={self.folder / 'server.crt'}",
            f"--tls-private-key-file={self.folder / 'server.key'}",
            f"--kubelet-client-certificate={self.folder / 'admin.crt'}",
            f"--kubelet-client-key={self.folder / 'admin.key'}",
            "--kubelet-preferred-address-types=InternalIP",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={self.folder / 'accounts.key'}",
            f"--service-account-signing-key-file={self.folder / 'accounts.key'}",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=ExtendedResourceToleration",
        ]
        self._start("kube-apiserver", arguments)

    def _await_api_server(self) -> None:
        deadline = time.monotonic() + START
        while True:
            try:
                self.call("GET", "/api/v1/namespaces/kube-system")
                return
            except (OSError, urllib.error.HTTPError) as error:
                ended = [name for name, process in self._processes.items() if process.poll() is not None]
                if ended or time.monotonic() > deadline:
                    raise RuntimeError(f"{ended or 'the API server'} did not start; see {self.folder}") from error
                time.sleep(0.2)

    def _start_controllers(self) -> None:
        client = [f"--kubeconfig={self.kubeconfig}", "--leader-elect=false", "--secure-port=0", *CLIENT_RATE]
        accounts = f"--service-account-private-key-file={self.folder / 'accounts.key'}"
        self._start("kube-controller-manager", [*client, accounts, "--concurrent-deployment-syncs=20"])
        self._start("kube-scheduler", client)
        selected = "--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake"
        manage = ["--manage-all-nodes=false", selected, f"--config={STAGES}", "--node-lease-duration-seconds=40"]
        self._start("kwok", [f"--kubeconfig={self.kubeconfig}", *manage], {"HOME": str(self.folder)})

    def _simulate_nodes(self) -> None:
        size = {"cpu": "256", "memory": "1Ti", "pods": "1000"}
        for number in range(self.nodes):
            node = {
                "apiVersion": "v1",
                "kind": "Node",
                "metadata": {
                    "name": f"simulated-{number}",
                    "annotations": {"kwok.x-k8s.io/node": "fake"},
                    "labels": {"kubernetes.io/hostname": "simulated"},
                },
                "status": {"allocatable": size, "capacity": size},
            }
            self.call("POST", "/api/v1/nodes", node)


def _new_key() -> str:
    return private_forms(make_key("ECDSA", 0, "P256"))["privateKeyPem"]


def _authority(key: str) -> dict[str, Any]:
    return {
        "privateKeyPem": key,
        "subject": {"commonName": f"bare-{secrets.token_hex(4)}"},
        "validityPeriodHours": 24,
        "allowedUses": ["cert_signing", "digital_signature"],
        "isCaCertificate": True,
    }


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for opened in sockets:
            opened.bind(("127.0.0.1", 0))
        return [opened.getsockname()[1] for opened in sockets]
