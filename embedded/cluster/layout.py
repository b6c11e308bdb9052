"""Where a cluster keeps its things: on this machine, and as its node sees them."""

from dataclasses import dataclass
from pathlib import Path

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where programs of this machine are looked for."""
RUN = Path("/run/groundwork")
"""Sockets and small files of a running node, on its private /run."""
ETCD_SOCKET = RUN / "etcd.sock"
CONTAINERD_SOCKET = Path("/run/containerd/containerd.sock")
API_PORT = 6443
REGISTRY_PORT = 5000
PROXY_PORT = 17128
"""Of the proxy by which the node pulls images of other registries, at this machine's end of the link."""
KUBELET_PORT = 10250
PROXY_HEALTH_PORT = 10256
"""Of kube-proxy, at all addresses of the node; it has no other choice but none."""
METRICS_PORT = 4443
"""Of metrics-server, at the node's address."""
METRICS_HOST = "metrics-server.kube-system.svc"
"""As which the API server knows metrics-server."""
ADMINS = "groundwork:admins"
"""Group of who may do everything, by a binding."""
FRONT_PROXY = "groundwork:front-proxy"
"""User as which the API server passes requests on to APIs that others serve; only it is believed about who asks."""
PAUSE_IMAGE = "groundwork.dev/pause:1"
VOLUMES = Path("/tmp/hostpath_pv")
"""Where the controller manager's host-path provisioner makes volumes; it has no flag for that."""

REQUIRED = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy")
BINARIES = (*REQUIRED, "coredns", "kube-router", "kwok", "metrics-server", "registry", "pause")
CNI_FOLDERS = (Path("/usr/lib/cni"), Path("/opt/cni/bin"))
"""Where the CNI plugins are: Debian's package, and what most others use."""


def cni_folder() -> Path | None:
    """The folder of the CNI plugins, None where they are not installed."""
    return next((folder for folder in CNI_FOLDERS if (folder / "ptp").exists()), None)


@dataclass(frozen=True)
class Layout:
    """Files and folders below one cluster's state folder."""

    root: Path

    @property
    def spec(self) -> Path:
        return self.root / "spec.json"

    @property
    def status(self) -> Path:
        return self.root / "status.json"

    @property
    def lock(self) -> Path:
        """Held by the daemon for as long as it lives."""
        return self.root / "daemon.lock"

    @property
    def identity(self) -> Path:
        """Name and network that the data were made with."""
        return self.root / "cluster.json"

    @property
    def kubeconfig(self) -> Path:
        return self.root / "kubeconfig"

    @property
    def registry_login(self) -> Path:
        """Of the image registry, as `buildah login` writes it. Secret."""
        return self.root / "registry-login.json"

    @property
    def registry_hashes(self) -> Path:
        """What the registry knows of that login."""
        return self.config / "registry.htpasswd"

    @property
    def pki(self) -> Path:
        return self.root / "pki"

    @property
    def config(self) -> Path:
        return self.root / "config"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def audit(self) -> Path:
        """What was asked of the API server, by whom: one JSON object a line. It rotates the file by itself."""
        return self.logs / "audit" / "audit.log"

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def background(self) -> Path:
        """Commands of its background processes, a file each."""
        return self.root / "background"

    @property
    def daemon_log(self) -> Path:
        return self.logs / "daemon.log"

    def certificate(self, name: str) -> Path:
        return self.pki / f"{name}.crt"

    def key(self, name: str) -> Path:
        return self.pki / f"{name}.key"

    def make(self) -> None:
        """Makes the folders; only their owner may look into them."""
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.root.chmod(0o700)
        for folder in (self.pki, self.config, self.logs, self.data):
            folder.mkdir(exist_ok=True, mode=0o700)
        (self.data / "etcd").mkdir(exist_ok=True, mode=0o700)
        for name in ("containerd", "kubelet", "volumes", "log"):
            (self.data / name).mkdir(exist_ok=True)
