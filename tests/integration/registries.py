"""Registries of somebody else: the real registry server on a free port of this machine, over TLS, behind a login."""

import base64
import datetime
import ipaddress
import json
import os
import socket
import subprocess
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import bcrypt
import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from embedded.cluster import Cluster
from embedded.toolchain import build
from modules.core.contracts import Registry
from modules.registry.access import RegistryAccess
from modules.registry.logins import Login
from scripts.cli.environment import CLUSTER_TARGETS

USER, PASSWORD = "ml", "of-the-registry"
LOGIN = Login(username=USER, password=PASSWORD, source="the test")
SERVICE, ISSUER = "the-registry", "the-token-server"


@dataclass(frozen=True, kw_only=True)
class ForeignRegistry:
    """One that runs."""

    host: str
    ca: Path

    def registry(self, path: str = "team/groundwork") -> Registry:
        return Registry(push=f"{self.host}/{path}", pull=f"{self.host}/{path}")

    def access(self, login: Login | None = LOGIN) -> RegistryAccess:
        return RegistryAccess(ca=self.ca, login=login, advice="does it run?")


def trust_registry(cluster: Cluster, host: str, certificate: bytes) -> None:
    """Have a node trust the certificate (PEM) of a registry at host:port when it pulls from there."""
    folder = cluster.layout.config / "registries" / host
    folder.mkdir(exist_ok=True)
    (folder / "ca.crt").write_bytes(certificate)
    server = f"https://{host}"
    (folder / "hosts.toml").write_text(f'server = "{server}"\n[host."{server}"]\nca = "{folder}/ca.crt"\n')


class Certificate:
    """Of an address, with its key: that of a server, and what tokens are signed by."""

    def __init__(self, folder: Path, address: str = "127.0.0.1") -> None:
        self.private = rsa.generate_private_key(65537, 2048)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"registry {folder.name}")])
        now = datetime.datetime.now(datetime.UTC)
        self.certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self.private.public_key())
            .serial_number(1)
            .not_valid_before(now - datetime.timedelta(minutes=1))
            .not_valid_after(now + datetime.timedelta(hours=1))
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
            .sign(self.private, hashes.SHA256())
        )
        self.path, self.key = folder / "registry.crt", folder / "registry.key"
        self.path.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))
        self.key.write_bytes(
            self.private.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )

    def token(self, scopes: list[str]) -> str:
        """A signed token that allows these scopes: type:name:action,action."""
        parts = [scope.split(":") for scope in scopes]
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "sub": USER,
            "aud": SERVICE,
            "nbf": now - 60,
            "iat": now,
            "exp": now + 300,
            "access": [{"type": kind, "name": name, "actions": actions.split(",")} for kind, name, actions in parts],
        }
        der = base64.b64encode(self.certificate.public_bytes(serialization.Encoding.DER)).decode()
        signed = f"{_part({'typ': 'JWT', 'alg': 'RS256', 'x5c': [der]})}.{_part(claims)}"
        return f"{signed}.{_plain(self.private.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


@contextmanager
def password_registry(folder: Path, address: str = "127.0.0.1") -> Generator[ForeignRegistry]:
    """A registry that asks for USER and PASSWORD, at an address of this machine."""
    (folder / "htpasswd").write_text(f"{USER}:{bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()}\n")
    auth = {"htpasswd": {"realm": "r", "path": str(folder / "htpasswd")}}
    with _serve(folder, Certificate(folder, address), auth, address) as served:
        yield served


@contextmanager
def token_registry(folder: Path) -> Generator[ForeignRegistry]:
    """A registry that wants a token, and its token server: who logs in may push and pull, others may pull `public`."""
    certificate = Certificate(folder)

    class Tokens(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            query = parse_qs(urlsplit(self.path).query)
            known = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
            given = self.headers.get("Authorization")
            if given not in {known, None} or query["service"] != [SERVICE]:
                self.send_error(401)
                return
            scopes = query.get("scope", [])
            allowed = scopes if given else [f"{each.rpartition(':')[0]}:pull" for each in scopes if ":public/" in each]
            content = json.dumps({"token": certificate.token(allowed), "expires_in": 300}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Tokens) as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.05])
        thread.start()
        token = {
            "realm": f"http://127.0.0.1:{server.server_address[1]}/token",
            "service": SERVICE,
            "issuer": ISSUER,
            "rootcertbundle": str(certificate.path),
        }
        try:
            with _serve(folder, certificate, {"token": token}) as served:
                yield served
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def _serve(
    folder: Path, certificate: Certificate, auth: dict[str, Any], address: str = "127.0.0.1"
) -> Generator[ForeignRegistry]:
    host = f"{address}:{_free_port()}"
    configuration = {
        "version": 0.1,
        "log": {"accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(folder / "storage")}, "delete": {"enabled": True}},
        "http": {"addr": host, "tls": {"certificate": str(certificate.path), "key": str(certificate.key)}},
        "auth": auth,
    }
    (folder / "registry.yaml").write_text(json.dumps(configuration))
    tools = build.ensure(lambda _: None, folder / "toolchain.log", CLUSTER_TARGETS)
    with (folder / "registry.log").open("w") as log:
        process = subprocess.Popen(
            [str(tools / "registry"), "serve", str(folder / "registry.yaml")],
            env={**os.environ, "OTEL_TRACES_EXPORTER": "none"},
            stdout=log,
            stderr=log,
        )
    try:
        served = ForeignRegistry(host=host, ca=certificate.path)
        _wait(served)
        yield served
    finally:
        process.kill()
        process.wait()


def _wait(served: ForeignRegistry) -> None:
    until = time.monotonic() + 30
    with httpx.Client(verify=served.access().trust(), trust_env=False) as client:
        while time.monotonic() < until:
            try:
                assert client.get(f"https://{served.host}/v2/").status_code == 401
                return
            except httpx.TransportError:
                time.sleep(0.05)
    raise TimeoutError(served.host)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


def _plain(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _part(document: object) -> str:
    return _plain(json.dumps(document).encode())
