"""The CIS Kubernetes Benchmark (numbers of v1.10), row by row, as it is read from a running cluster."""

import base64
import json
import stat
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.x509.oid import NameOID
from yaml import safe_load

from embedded.cluster import Cluster
from embedded.cluster.processes import command_of
from modules.core.tls import CIPHERS

from .conftest import STACK
from .pods import SECURE, kubectl, pod

Object = dict[str, Any]
BUILT_IN = ("system:", "kubeadm:", "cluster-admin", "admin", "edit", "view")
"""Beginnings of the names of roles that Kubernetes brings."""
UNIX_ETCD = "unix:///run/groundwork/etcd.sock"


@dataclass(frozen=True)
class Reading:
    """What a running cluster says of itself."""

    cluster: Cluster

    @cached_property
    def flags(self) -> dict[str, dict[str, str]]:
        """By program: the flags that its process was started with."""
        found: dict[str, dict[str, str]] = {}
        for process in self.cluster.processes():
            if process.pod is None and (command := command_of(process.pid)):
                pairs = (each.removeprefix("--").partition("=") for each in command[1:] if each.startswith("--"))
                found[Path(command[0]).name] = {name: value for name, _, value in pairs}
        return found

    @property
    def api(self) -> dict[str, str]:
        return self.flags["kube-apiserver"]

    @property
    def controllers(self) -> dict[str, str]:
        return self.flags["kube-controller-manager"]

    @cached_property
    def kubelet(self) -> Object:
        return json.loads(self.raw(f"/api/v1/nodes/{self.cluster.name}/proxy/configz"))["kubeletconfig"]

    @cached_property
    def plugins(self) -> set[str]:
        return set(self.api["enable-admission-plugins"].split(","))

    @cached_property
    def admission(self) -> dict[str, Object]:
        document = safe_load(Path(self.api["admission-control-config-file"]).read_text())
        return {each["name"]: each["configuration"] for each in document["plugins"]}

    def raw(self, path: str) -> str:
        return kubectl(self.cluster, "get", "--raw", path)

    def items(self, *kind: str) -> list[Object]:
        return json.loads(kubectl(self.cluster, "get", *kind, "-A", "-ojson"))["items"]

    @cached_property
    def roles(self) -> dict[str, list[Object]]:
        """Rules by name of all roles that Kubernetes does not bring itself."""
        found: dict[str, list[Object]] = {
            each["metadata"]["name"]: each.get("rules") or [] for each in self.items("clusterroles,roles")
        }
        return {name: rules for name, rules in found.items() if not name.startswith(BUILT_IN)}

    def granting(self, resource: str, *verbs: str) -> set[str]:
        """Roles that grant one of these verbs on a resource."""
        return {
            name
            for name, rules in self.roles.items()
            for rule in rules
            if resource in rule.get("resources", []) and {*verbs, "*"} & {*rule["verbs"]}
        }

    @cached_property
    def namespaces(self) -> list[Object]:
        return self.items("namespaces")

    @cached_property
    def pods(self) -> list[Object]:
        return self.items("pods")

    def refuses(self, **changed: Any) -> bool:
        """Whether a namespace that says nothing itself refuses a pod whose spec has this."""
        container = {"name": "tried", "image": "tried", **changed.pop("container", {})}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "tried", "namespace": "default"}}
        document = {**pod, "spec": {"containers": [container], **changed}}
        # A privileged one by the API server itself, before any admission.
        return "created" not in kubectl(
            self.cluster, "create", "--dry-run=server", "-f-", document=document, check=False
        )

    def modes(self, paths: Iterable[Path]) -> set[int]:
        return {stat.S_IMODE(path.stat().st_mode) for path in paths}

    def private(self, *paths: Path) -> bool:
        """Whether files are root's and nobody else may read them."""
        return self.modes(paths) <= {0o600, 0o400} and owned(paths)


def owned(paths: Iterable[Path]) -> bool:
    return {(path.stat().st_uid, path.stat().st_gid) for path in paths} == {(0, 0)}


Row = tuple[str, str, Callable[[Reading], bool]]


def _files(of: Reading) -> Path:
    return of.cluster.layout.config


FILES: tuple[Row, ...] = (
    ("1.1.9", "CNI files are private", lambda of: of.private(*(_files(of) / "cni").iterdir())),
    ("1.1.10", "CNI files are root's", lambda of: owned((_files(of) / "cni").iterdir())),
    ("1.1.11", "etcd's data are private", lambda of: of.modes([of.cluster.layout.data / "etcd"]) == {0o700}),
    ("1.1.12", "etcd's data are etcd's", lambda of: (of.cluster.layout.data / "etcd").owner() == "etcd"),
    ("1.1.13-14", "the administrator's kubeconfig is private", lambda of: of.private(of.cluster.kubeconfig)),
    ("1.1.15-16", "the scheduler's kubeconfig", lambda of: of.private(_files(of) / "kube-scheduler.kubeconfig")),
    (
        "1.1.17-18",
        "the controller manager's kubeconfig",
        lambda of: of.private(_files(of) / "kube-controller-manager.kubeconfig"),
    ),
    ("1.1.19", "certificates are root's", lambda of: owned(of.cluster.layout.pki.iterdir())),
    ("1.1.20", "certificates", lambda of: of.private(*of.cluster.layout.pki.glob("*.crt"))),
    ("1.1.21", "keys are private", lambda of: of.private(*of.cluster.layout.pki.glob("*.key"))),
    ("4.1.3-4", "kube-proxy's kubeconfig", lambda of: of.private(_files(of) / "kube-proxy.kubeconfig")),
    ("4.1.5-6", "the kubelet's kubeconfig", lambda of: of.private(_files(of) / "kubelet.kubeconfig")),
    ("4.1.7-8", "the clients' authority", lambda of: of.private(of.cluster.ca)),
    ("4.1.9-10", "the kubelet's configuration", lambda of: of.private(_files(of) / "kubelet.yaml")),
)

API: tuple[Row, ...] = (
    ("1.2.1", "nobody without a name", lambda of: of.api["anonymous-auth"] == "false"),
    ("1.2.2", "no file of tokens", lambda of: "token-auth-file" not in of.api),
    ("1.2.3", "DenyServiceExternalIPs", lambda of: "DenyServiceExternalIPs" in of.plugins),
    ("1.2.4", "certificate for kubelets", lambda of: {"kubelet-client-certificate", "kubelet-client-key"} <= {*of.api}),
    ("1.2.5", "authority of kubelets", lambda of: "kubelet-certificate-authority" in of.api),
    ("1.2.6-8", "Node and RBAC decide", lambda of: of.api["authorization-mode"] == "Node,RBAC"),
    ("1.2.9", "EventRateLimit", lambda of: "EventRateLimit" in of.plugins and bool(of.admission["EventRateLimit"])),
    ("1.2.10", "no AlwaysAdmit", lambda of: "AlwaysAdmit" not in of.plugins),
    ("1.2.11", "AlwaysPullImages", lambda of: "AlwaysPullImages" in of.plugins),
    ("1.2.12-13", "nothing is switched off", lambda of: "disable-admission-plugins" not in of.api),
    ("1.2.14", "NodeRestriction", lambda of: "NodeRestriction" in of.plugins),
    ("1.2.15", "no profiling", lambda of: of.api["profiling"] == "false"),
    ("1.2.16", "an audit log", lambda of: Path(of.api["audit-log-path"]).stat().st_size > 0),
    ("1.2.17", "its age", lambda of: int(of.api["audit-log-maxage"]) >= 30),
    ("1.2.18", "its number", lambda of: int(of.api["audit-log-maxbackup"]) >= 10),
    ("1.2.19", "its size", lambda of: int(of.api["audit-log-maxsize"]) > 0),
    ("1.2.20", "requests end", lambda of: "request-timeout" not in of.api),
    ("1.2.21", "tokens of accounts that are gone are refused", lambda of: "service-account-lookup" not in of.api),
    ("1.2.22", "key of accounts' tokens", lambda of: "service-account-key-file" in of.api),
    ("1.2.23", "certificate for etcd", lambda of: "etcd-certfile" in of.api),
    ("1.2.24", "its own certificate", lambda of: {"tls-cert-file", "tls-private-key-file"} <= {*of.api}),
    ("1.2.25", "the clients' authority", lambda of: "client-ca-file" in of.api),
    ("1.2.26", "etcd's authority", lambda of: "etcd-cafile" in of.api),
    ("1.2.27-28", "Secrets are encrypted", lambda of: "secretbox" in _encryption(of)),
    ("1.2.29", "strong ciphers", lambda of: of.api["tls-cipher-suites"].split(",") == [*CIPHERS]),
    ("1.3.1", "ended pods are removed", lambda of: int(of.controllers["terminated-pod-gc-threshold"]) < 12500),
    ("1.3.2", "no profiling", lambda of: of.controllers["profiling"] == "false"),
    ("1.3.3", "each controller has an account", lambda of: "use-service-account-credentials" in of.controllers),
    ("1.3.4", "key of accounts' tokens", lambda of: "service-account-private-key-file" in of.controllers),
    ("1.3.5", "pods know the authority", lambda of: "root-ca-file" in of.controllers),
    ("1.3.6", "certificates of kubelets' servers", lambda of: "feature-gates" not in of.controllers),
    ("1.3.7", "on loopback", lambda of: of.controllers["bind-address"] == "127.0.0.1"),
    ("1.4.1", "no profiling", lambda of: of.flags["kube-scheduler"]["profiling"] == "false"),
    ("1.4.2", "on loopback", lambda of: of.flags["kube-scheduler"]["bind-address"] == "127.0.0.1"),
    ("2.1-2", "etcd's TLS", lambda of: {"cert-file", "client-cert-auth"} <= {*of.flags["etcd"]}),
    ("2.3, 2.6", "no certificates of its own making", lambda of: not any("auto-tls" in f for f in of.flags["etcd"])),
    ("2.4-5", "TLS between members", lambda of: {"peer-cert-file", "peer-client-cert-auth"} <= {*of.flags["etcd"]}),
    ("3.1.1", "no certificates for people", lambda of: "oidc-issuer-url" in of.api),
    ("3.1.2-3", "no tokens for people", lambda of: not of.flags["kube-apiserver"].get("enable-bootstrap-token-auth")),
    ("3.2.1-2", "an audit policy that writes", lambda of: '"level":"Metadata"' in _audited(of)),
)


def _encryption(of: Reading) -> Object:
    """The first provider: the one that writes."""
    return safe_load(Path(of.api["encryption-provider-config"]).read_text())["resources"][0]["providers"][0]


def _audited(of: Reading) -> str:
    return Path(of.api["audit-log-path"]).read_text()


KUBELET: tuple[Row, ...] = (
    ("4.2.1", "nobody without a name", lambda of: of.kubelet["authentication"]["anonymous"]["enabled"] is False),
    ("4.2.2", "the API server decides", lambda of: of.kubelet["authorization"]["mode"] == "Webhook"),
    ("4.2.3", "the clients' authority", lambda of: bool(of.kubelet["authentication"]["x509"]["clientCAFile"])),
    ("4.2.4", "no port for reading", lambda of: not of.kubelet.get("readOnlyPort")),
    ("4.2.5", "idle streams end", lambda of: of.kubelet["streamingConnectionIdleTimeout"] != "0s"),
    ("4.2.6", "its own iptables chains", lambda of: bool(of.kubelet["makeIPTablesUtilChains"])),
    ("4.2.7", "the host's name", lambda of: "hostname-override" not in of.flags["kubelet"]),
    ("4.2.8", "events are bounded", lambda of: of.kubelet["eventRecordQPS"] > 0),
    ("4.2.9", "a certificate of the authority", lambda of: bool(of.kubelet["tlsCertFile"])),
    ("4.2.10", "its client's certificate is renewed", lambda of: bool(of.kubelet.get("rotateCertificates"))),
    ("4.2.11", "its server's certificate is renewed", lambda of: "feature-gates" not in of.flags["kubelet"]),
    ("4.2.12", "strong ciphers", lambda of: of.kubelet["tlsCipherSuites"] == [*CIPHERS]),
    ("4.2.13", "a pod's processes are bounded", lambda of: 0 < of.kubelet["podPidsLimit"] <= 4096),
    ("4.2.14", "seccomp for all", lambda of: of.kubelet["seccompDefault"] is True),
    ("4.3.1", "kube-proxy's figures on loopback", lambda of: "metrics-bind-address" not in of.flags["kube-proxy"]),
    ("kernel", "kernel settings are looked at only", lambda of: of.kubelet["protectKernelDefaults"] is True),
)


def _groups(of: Reading) -> set[str]:
    """Of the administrator's certificate."""
    user = safe_load(of.cluster.kubeconfig.read_text())["users"][0]["user"]
    certificate = x509.load_pem_x509_certificate(base64.b64decode(user["client-certificate-data"]))
    return {str(each.value) for each in certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)}


def _administrators(of: Reading) -> set[str]:
    bindings = [each for each in of.items("clusterrolebindings") if each["roleRef"]["name"] == "cluster-admin"]
    return {subject["name"] for each in bindings for subject in each["subjects"]}


def _with_policies(of: Reading) -> bool:
    covered = {each["metadata"]["namespace"] for each in of.items("networkpolicies")}
    return {each["metadata"]["name"] for each in of.namespaces} <= covered


def _planted(of: Reading) -> str:
    """What is answered to a pod of the platform with an image of elsewhere."""
    document = pod("planted", namespace=f"{STACK}-mlflow", image="registry.example/planted:1")
    return kubectl(of.cluster, "create", "--dry-run=server", "-f-", document=document, check=False)


def _containers(of: Reading) -> list[Object]:
    return [container for pod in of.pods for container in pod["spec"]["containers"]]


RIGHTS: tuple[Row, ...] = (
    ("5.1.1", "cluster-admin", lambda of: _administrators(of) == {"system:masters", "groundwork:admins"}),
    ("5.1.2", "no role reads Secrets", lambda of: not of.granting("secrets", "get", "list", "watch")),
    (
        "5.1.3",
        "no wildcards",
        lambda of: not any("*" in rule["verbs"] for rules in of.roles.values() for rule in rules),
    ),
    ("5.1.4", "no role makes pods", lambda of: not of.granting("pods", "create")),
    (
        "5.1.5",
        "default accounts have no token",
        lambda of: all(
            each.get("automountServiceAccountToken") is False
            for each in of.items("serviceaccounts")
            if each["metadata"]["name"] == "default"
        ),
    ),
    (
        "5.1.6",
        "no pod has the default account's token",
        lambda of: (
            not any(
                pod["spec"].get("automountServiceAccountToken", True)
                for pod in of.pods
                if pod["spec"]["serviceAccountName"] == "default"
            )
        ),
    ),
    ("5.1.7", "no system:masters", lambda of: "system:masters" not in _groups(of)),
    ("5.1.8", "no role escalates", lambda of: not of.granting("roles", "escalate", "bind")),
    ("5.1.9", "no role makes volumes", lambda of: not of.granting("persistentvolumes", "create")),
    ("5.1.10", "no role asks kubelets", lambda of: not of.granting("nodes/proxy", "get", "create")),
    ("5.1.11", "no role signs", lambda of: not of.granting("certificatesigningrequests/approval", "update")),
    (
        "5.1.12",
        "no role changes admission",
        lambda of: not of.granting("validatingwebhookconfigurations", "create", "update", "patch"),
    ),
    ("5.1.13", "no role makes tokens", lambda of: not of.granting("serviceaccounts/token", "create")),
    ("5.2.1", "a standard for every namespace", lambda of: of.admission["PodSecurity"]["defaults"]["enforce"] != ""),
    ("5.2.2", "privileged", lambda of: of.refuses(container={"securityContext": {"privileged": True}})),
    ("5.2.3", "hostPID", lambda of: of.refuses(hostPID=True)),
    ("5.2.4", "hostIPC", lambda of: of.refuses(hostIPC=True)),
    ("5.2.5", "hostNetwork", lambda of: of.refuses(hostNetwork=True)),
    ("5.2.6-10", "root and its capabilities", lambda of: of.refuses()),
    ("5.2.12", "hostPath", lambda of: of.refuses(volumes=[{"name": "disk", "hostPath": {"path": "/"}}])),
    ("5.2.13", "hostPort", lambda of: of.refuses(container={"ports": [{"containerPort": 80, "hostPort": 80}]})),
    ("5.3.1", "policies are enforced", lambda of: "kube-router" in of.flags),
    ("5.3.2", "policies everywhere", _with_policies),
    (
        "5.4.1",
        "Secrets are files",
        lambda of: not any("secretKeyRef" in json.dumps(each.get("env", [])) for each in _containers(of)),
    ),
    ("5.4.2", "Secrets are kept elsewhere", lambda of: "secrets-store" in json.dumps(of.pods)),
    ("5.5.1", "images are admitted", lambda of: "groundwork-images" in _planted(of)),
    (
        "5.7.2",
        "seccomp in pods",
        lambda of: all("RuntimeDefault" in json.dumps(pod["spec"]) for pod in of.pods if _runs(pod)),
    ),
    (
        "5.7.3",
        "nothing runs as root",
        lambda of: all(
            each["securityContext"]["allowPrivilegeEscalation"] is False
            and each["securityContext"]["capabilities"] == SECURE["capabilities"]
            for each in _containers(of)
        ),
    ),
    ("5.7.4", "default is not used", lambda of: not any(p["metadata"]["namespace"] == "default" for p in of.pods)),
)


def _runs(pod: Object) -> bool:
    """Whether it really runs, on the node that is no simulated one."""
    return not pod["spec"].get("nodeName", "").startswith("simulated-")


ROWS = (*FILES, *API, *KUBELET, *RIGHTS)
