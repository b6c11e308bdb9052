"""Which cluster, as whom: kubeconfigs as kubectl reads them, from a path, a text or the environment."""

import base64
import json
import os
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from embedded.providers.base import Object, ProviderError

EXEC_TIMEOUT = 60.0
"""Seconds for a credential plugin (`aws eks get-token` and its like)."""


@dataclass(frozen=True)
class Access:
    """How to reach one API server. PEM texts; token is asked for anew where a credential plugin makes it."""

    server: str
    context: str
    cluster: str
    namespace: str = "default"
    ca: str | None = None
    verify: bool = True
    server_name: str | None = None
    certificate: str | None = None
    key: str | None = None
    token: Callable[[], str | None] = lambda: None

    def __repr__(self) -> str:
        return f"Access(server={self.server!r}, context={self.context!r})"

    @property
    def address(self) -> tuple[str, int]:
        parts = urlsplit(self.server)
        return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def load(kubeconfig: str = "", context: str = "", cluster: str = "") -> Access:
    """kubeconfig: a path, a YAML or JSON text, or "" for $KUBECONFIG, else ~/.kube/config.

    Raises ProviderError, naming what is missing, when no cluster follows from it.
    """
    source, documents = _documents(kubeconfig)
    merged = _merge(documents)
    name = context or merged.get("current-context") or ""
    chosen = _entry(merged, "contexts", "context", name, source)
    cluster_name = cluster or chosen.get("cluster") or ""
    server = _entry(merged, "clusters", "cluster", cluster_name, source)
    user = _entry(merged, "users", "user", chosen["user"], source) if chosen.get("user") else {}
    ca = _pem(server, "certificate-authority")
    return Access(
        server=server["server"].rstrip("/"),
        context=name,
        cluster=cluster_name,
        namespace=chosen.get("namespace") or "default",
        ca=ca,
        verify=not server.get("insecure-skip-tls-verify"),
        server_name=server.get("tls-server-name"),
        certificate=_pem(user, "client-certificate"),
        key=_pem(user, "client-key"),
        token=_token_source(user),
    )


def _documents(kubeconfig: str) -> tuple[str, list[Object]]:
    text = kubeconfig.strip()
    if text.startswith("{") or "\n" in text:
        return "the given kubeconfig", [_parse(text, Path.cwd(), "the given kubeconfig")]
    given = text or os.environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")
    paths = [Path(entry).expanduser() for entry in given.split(os.pathsep) if entry]
    found = [_parse(path.read_text(), path.parent, str(path)) for path in paths if path.is_file()]
    if not found:
        raise ProviderError(
            f"kubeconfig: there is no file {given}; set KUBECONFIG or the provider's kubeconfig to a path or a text"
        )
    return given, found


def _parse(text: str, folder: Path, source: str) -> Object:
    import yaml  # late: 30 ms, and JSON needs none of it

    try:
        found: Any = json.loads(text) if text.startswith("{") else yaml.load(text, yaml.CSafeLoader)
    except (ValueError, yaml.YAMLError) as error:
        raise ProviderError(f"kubeconfig: {source} is neither YAML nor JSON ({error})") from None
    if not isinstance(found, dict):
        raise ProviderError(f"kubeconfig: {source} holds no mapping")
    document: Object = {str(key): value for key, value in found.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    # Paths in a kubeconfig are relative to its own folder.
    for entry in [*_entries(document, "clusters"), *_entries(document, "users")]:
        for key in ("certificate-authority", "client-certificate", "client-key", "tokenFile"):
            for part in (entry.get("cluster"), entry.get("user")):
                if part and part.get(key):
                    part[key] = str(folder / part[key])
    return document


def _entries(document: Object, section: str) -> Iterable[Object]:
    return document.get(section) or ()


def _merge(documents: list[Object]) -> Object:
    """The first file that says something wins, as with kubectl."""
    merged: Object = {"clusters": [], "users": [], "contexts": []}
    for document in documents:
        merged.setdefault("current-context", document.get("current-context"))
        merged["current-context"] = merged["current-context"] or document.get("current-context")
        for section in ("clusters", "users", "contexts"):
            merged[section] += _entries(document, section)
    return merged


def _entry(document: Object, section: str, part: str, name: str, source: str) -> Object:
    for entry in _entries(document, section):
        if entry.get("name") == name:
            return entry.get(part) or {}
    known = ", ".join(str(entry.get("name")) for entry in _entries(document, section)) or "none"
    raise ProviderError(f"kubeconfig: {source} has no {part} {name!r}; it has {known}")


def _pem(part: Object, name: str) -> str | None:
    if data := part.get(f"{name}-data"):
        return base64.b64decode(data).decode()
    return Path(part[name]).read_text() if part.get(name) else None


def _token_source(user: Object) -> Callable[[], str | None]:
    if command := user.get("exec"):
        return lambda: _exec_token(command)
    if path := user.get("tokenFile"):
        return lambda: Path(path).read_text().strip()
    token: str | None = user.get("token")
    return lambda: token


def _exec_token(command: Object) -> str | None:
    arguments: list[str] = [command["command"], *(command.get("args") or ())]
    variables = {entry["name"]: entry["value"] for entry in command.get("env") or ()}
    variables["KUBERNETES_EXEC_INFO"] = json.dumps(
        {"apiVersion": command["apiVersion"], "kind": "ExecCredential", "spec": {"interactive": False}}
    )
    try:
        done = subprocess.run(
            arguments,
            env={**os.environ, **variables},
            capture_output=True,
            text=True,
            timeout=EXEC_TIMEOUT,
            check=True,
        )
        return json.loads(done.stdout)["status"].get("token")
    except (OSError, subprocess.SubprocessError, ValueError, KeyError) as error:
        raise ProviderError(f"kubeconfig: the credential plugin {arguments[0]} gave no token ({error})") from None
