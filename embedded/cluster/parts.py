"""The processes of a node: what each is called with, after which others, and how it is seen to be ready."""

import http.client
import socket
import ssl
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from modules.core.simulation import SIMULATED
from modules.core.tls import CIPHERS

from .layout import (
    API_PORT,
    CONTAINERD_SOCKET,
    ETCD_SOCKET,
    FRONT_PROXY,
    METRICS_PORT,
    PATH,
    PROXY_PORT,
    REGISTRY_PORT,
    RUN,
    Layout,
)
from .objects import KWOK_ANNOTATION
from .spec import OWN_ISSUER, ClusterSpec

CHECK_SECONDS = 5.0
"""What a part gets to answer: on a slow machine encryption alone may take a second."""
KUBECONFIGS = ("kubeconfig", "authentication-kubeconfig", "authorization-kubeconfig")
"""Purposes for which metrics-server asks the API server, as its flags call them."""
API_IN_USE = "/readyz?exclude=poststarthook/scheduling/bootstrap-system-priority-classes"
"""The API server as the other parts need it: it makes these two classes late, at its second try, a second after the
first, and no part uses them. The cluster is not ready before they are there."""
STRONG = f"--tls-cipher-suites={','.join(CIPHERS)}"
PAUSE_ARCHIVE = RUN / "pause.tar"


@dataclass(frozen=True, kw_only=True)
class Part:
    """One process. `once`: it is done when it ends with 0, and others may need it to have been."""

    name: str
    command: Sequence[str]
    ready: Callable[[], bool] = lambda: True
    needs: Sequence[str] = ()
    once: bool = False
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    """Variables on top of those that every part has."""


def parts(spec: ClusterSpec) -> list[Part]:
    """Everything that runs in the node, apart from its pods. No argument is secret: keys are named by their files."""
    return [
        etcd(spec),
        api_server(spec),
        *controllers(spec),
        *node(spec),
        firewall(spec),
        *services(spec),
        metrics(spec),
    ]


def etcd(spec: ClusterSpec) -> Part:
    nobody = "http://127.0.0.1:2380"  # what others would call a second member's peer by: there is none
    return Part(
        name="etcd",
        command=[
            str(spec.bin_dir / "etcd"),
            f"--name={spec.name}",
            f"--data-dir={Layout(spec.state_dir).data / 'etcd'}",
            f"--listen-client-urls=unix://{ETCD_SOCKET}",
            "--advertise-client-urls=http://127.0.0.1:2379",
            f"--listen-peer-urls=unix://{RUN}/etcd-peer.sock",
            f"--initial-advertise-peer-urls={nobody}",
            f"--initial-cluster={spec.name}={nobody}",
            "--log-level=warn",
        ],
        ready=lambda: accepts(ETCD_SOCKET),
    )


def api_server(spec: ClusterSpec) -> Part:
    layout, network = Layout(spec.state_dir), spec.addresses
    return Part(
        name="kube-apiserver",
        command=[
            str(spec.bin_dir / "kube-apiserver"),
            f"--advertise-address={network.node}",
            f"--bind-address={network.node}",
            f"--secure-port={API_PORT}",
            f"--etcd-servers=unix://{ETCD_SOCKET}",
            f"--service-cluster-ip-range={network.services}",
            f"--client-ca-file={layout.certificate('ca')}",
            f"--tls-cert-file={layout.certificate('kube-apiserver')}",
            f"--tls-private-key-file={layout.key('kube-apiserver')}",
            f"--kubelet-certificate-authority={layout.certificate('ca')}",
            f"--kubelet-client-certificate={layout.certificate('kubelet-client')}",
            f"--kubelet-client-key={layout.key('kubelet-client')}",
            "--kubelet-preferred-address-types=InternalIP",
            f"--service-account-issuer={spec.issuer}",
            f"--api-audiences={OWN_ISSUER}",
            f"--service-account-key-file={layout.pki / 'service-account.pub'}",
            f"--service-account-signing-key-file={layout.key('service-account')}",
            f"--encryption-provider-config={layout.pki / 'encryption.yaml'}",
            f"--requestheader-client-ca-file={layout.certificate('ca')}",
            f"--requestheader-allowed-names={FRONT_PROXY}",
            "--requestheader-username-headers=X-Remote-User",
            "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            f"--proxy-client-cert-file={layout.certificate('front-proxy')}",
            f"--proxy-client-key-file={layout.key('front-proxy')}",
            "--anonymous-auth=false",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins="
            # As on EKS: who asks for an accelerator tolerates the taint of the nodes that have it.
            "NodeRestriction,DenyServiceExternalIPs,EventRateLimit,ExtendedResourceToleration",
            f"--admission-control-config-file={layout.config / 'admission.yaml'}",
            f"--audit-policy-file={layout.config / 'audit.yaml'}",
            f"--audit-log-path={layout.audit}",
            "--audit-log-maxage=30",
            "--audit-log-maxbackup=10",
            "--audit-log-maxsize=20",
            STRONG,
            "--enable-aggregator-routing=true",  # to metrics-server itself: no rule of kube-proxy's has to be there yet
            "--profiling=false",
        ],
        needs=["etcd"],
        ready=lambda: answers(str(network.node), API_PORT, API_IN_USE, layout),
    )


def controllers(spec: ClusterSpec) -> list[Part]:
    layout = Layout(spec.state_dir)
    return [
        Part(
            name="kube-controller-manager",
            command=[
                str(spec.bin_dir / "kube-controller-manager"),
                *_client(layout, "kube-controller-manager"),
                f"--service-account-private-key-file={layout.key('service-account')}",
                f"--root-ca-file={layout.certificate('ca')}",
                "--use-service-account-credentials",
                "--enable-hostpath-provisioner",
                "--terminated-pod-gc-threshold=500",
                "--flex-volume-plugin-dir=/var/lib/kubelet/volumeplugins",
                "--concurrent-deployment-syncs=20",
                "--concurrent-replicaset-syncs=20",
                "--concurrent-statefulset-syncs=20",
                "--concurrent-job-syncs=20",
                "--concurrent-service-endpoint-syncs=20",
                "--concurrent-serviceaccount-token-syncs=20",
                "--profiling=false",
            ],
            needs=["kube-apiserver"],
            ready=lambda: answers("127.0.0.1", 10257, "/healthz", layout),
        ),
        Part(
            name="kube-scheduler",
            command=[str(spec.bin_dir / "kube-scheduler"), *_client(layout, "kube-scheduler"), "--profiling=false"],
            needs=["kube-apiserver"],
            ready=lambda: answers("127.0.0.1", 10259, "/healthz", layout),
        ),
    ]


def _client(layout: Layout, name: str) -> list[str]:
    """A controller that is the only one of its kind. The default rates are made for a thousand nodes to share."""
    return [
        f"--kubeconfig={layout.config / f'{name}.kubeconfig'}",
        "--bind-address=127.0.0.1",
        # Without one each makes an RSA key at every start, which takes a second where all parts start at once.
        f"--tls-cert-file={layout.certificate(f'{name}-tls')}",
        f"--tls-private-key-file={layout.key(f'{name}-tls')}",
        STRONG,
        "--leader-elect=false",
        "--kube-api-qps=400",
        "--kube-api-burst=800",
    ]


def node(spec: ClusterSpec) -> list[Part]:
    layout = Layout(spec.state_dir)
    return [
        Part(
            name="containerd",
            command=["containerd", f"--config={layout.config / 'containerd.toml'}", "--log-level=warn"],
            ready=lambda: accepts(CONTAINERD_SOCKET),
            environment=image_proxy(spec),
        ),
        Part(
            name="pause-image",
            command=["ctr", f"--address={CONTAINERD_SOCKET}", "-n=k8s.io", "images", "import", str(PAUSE_ARCHIVE)],
            needs=["containerd"],
            once=True,
        ),
        Part(
            name="kubelet",
            command=[
                str(spec.bin_dir / "kubelet"),
                f"--config={layout.config / 'kubelet.yaml'}",
                f"--kubeconfig={layout.config / 'kubelet.kubeconfig'}",
                f"--hostname-override={spec.name}",
                f"--node-ip={spec.addresses.node}",
            ],
            needs=["kube-apiserver", "pause-image"],
            ready=lambda: answers("127.0.0.1", 10248, "/healthz"),
        ),
        Part(
            name="kube-proxy",
            command=[str(spec.bin_dir / "kube-proxy"), f"--config={layout.config / 'kube-proxy.yaml'}"],
            needs=["kube-apiserver", "kubelet"],  # which registers the node: it would look for its address each second
            ready=lambda: answers("127.0.0.1", 10256, "/livez"),
        ),
    ]


def image_proxy(spec: ClusterSpec) -> dict[str, str]:
    """The way to registries outside, where there is one; the cluster's own is reached without it."""
    if not spec.outside_images:
        return {}
    return {
        "HTTPS_PROXY": f"http://{spec.addresses.host_end}:{PROXY_PORT}",
        "NO_PROXY": str(spec.addresses.whole),
    }


def services(spec: ClusterSpec) -> list[Part]:
    layout, network = Layout(spec.state_dir), spec.addresses
    return [
        Part(
            name="coredns",
            command=[str(spec.bin_dir / "coredns"), f"-conf={layout.config / 'Corefile'}"],
            needs=["kube-apiserver", "objects"],
            ready=lambda: answers("127.0.0.1", 8181, "/ready"),
        ),
        Part(
            name="kwok",
            command=[
                str(spec.bin_dir / "kwok"),
                f"--kubeconfig={layout.config / 'kwok.kubeconfig'}",
                f"--config={layout.config / 'kwok-stages.yaml'}",
                "--manage-all-nodes=false",
                f"--manage-nodes-with-annotation-selector={'='.join(KWOK_ANNOTATION)}",
                f"--cidr={network.simulated_pods}",
                f"--node-ip={network.node}",
                "--node-lease-duration-seconds=40",
                "--server-address=127.0.0.1:10247",
            ],
            needs=["kube-apiserver", "objects"],
            ready=lambda: answers("127.0.0.1", 10247, "/healthz"),
        ),
        Part(
            name="registry",
            command=[str(spec.bin_dir / "registry"), "serve", str(layout.config / "registry.yaml")],
            ready=lambda: answers(str(network.node), REGISTRY_PORT, "/", layout),  # which needs no login
        ),
    ]


def firewall(spec: ClusterSpec) -> Part:
    """Enforces network policies; routes and Services are not its own."""
    layout = Layout(spec.state_dir)
    return Part(
        name="kube-router",
        command=[
            str(spec.bin_dir / "kube-router"),
            f"--kubeconfig={layout.config / 'kube-router.kubeconfig'}",
            "--run-firewall=true",
            "--run-router=false",
            "--run-service-proxy=false",
            "--run-loadbalancer=false",
            f"--hostname-override={spec.name}",
            f"--service-cluster-ip-range={spec.addresses.services}",
            "--health-port=0",
        ],
        needs=["kube-apiserver", "objects"],
        ready=lambda: succeeds("iptables", "-w", "-t", "filter", "-n", "-L", "KUBE-ROUTER-FORWARD"),
    )


def metrics(spec: ClusterSpec) -> Part:
    """Serves what pods and nodes use, for `kubectl top` and autoscalers. Simulated nodes use nothing."""
    layout = Layout(spec.state_dir)
    kubeconfig = layout.config / "metrics-server.kubeconfig"
    return Part(
        name="metrics-server",
        command=[
            str(spec.bin_dir / "metrics-server"),
            *(f"--{purpose}={kubeconfig}" for purpose in KUBECONFIGS),
            f"--bind-address={spec.addresses.node}",
            f"--secure-port={METRICS_PORT}",
            f"--tls-cert-file={layout.certificate('metrics-server-tls')}",
            f"--tls-private-key-file={layout.key('metrics-server-tls')}",
            STRONG,
            f"--kubelet-certificate-authority={layout.certificate('ca')}",
            "--kubelet-preferred-address-types=InternalIP",
            f"--node-selector={SIMULATED}!=true",
            "--metric-resolution=15s",
        ],
        needs=["kube-apiserver", "objects"],
        ready=lambda: answers(str(spec.addresses.node), METRICS_PORT, "/livez", layout),
    )


def succeeds(*command: str) -> bool:
    done = subprocess.run(command, env={"PATH": PATH}, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return done.returncode == 0


def accepts(path: Path) -> bool:
    """Whether something listens on a unix socket."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(CHECK_SECONDS)
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


def answers(host: str, port: int, path: str, layout: Layout | None = None) -> bool:
    """Whether a health endpoint says 200: with a layout by TLS, where the server is verified and shown the supervisor's
    certificate; without, in plain HTTP, on the node's own loopback.
    """
    if layout:
        context = ssl.create_default_context(cafile=str(layout.certificate("ca")))
        context.load_cert_chain(layout.certificate("supervisor"), layout.key("supervisor"))
        connection = http.client.HTTPSConnection(host, port, timeout=CHECK_SECONDS, context=context)
    else:
        connection = http.client.HTTPConnection(host, port, timeout=CHECK_SECONDS)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
