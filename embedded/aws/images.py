"""The image registry behind the account's ECR: one process on loopback, for pushing from this machine.

Nodes pull the same images from the registry of their own cluster, which has the same storage, by the names that ECR
gives them. So images can be there before the cluster is.
"""

import http.client
import json
import shutil
import socket
import ssl
import subprocess
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path
from string import Template
from tempfile import TemporaryDirectory

from embedded.cluster.certificates import write_private
from embedded.cluster.image import write_image
from embedded.cluster.layout import Layout
from embedded.cluster.registry_login import ensure_login
from modules.core.errors import UserError

from .clusters import Machine

HOST = "127.0.0.1"
USER = "AWS"
"""As whom ECR has everybody log in."""
START_SECONDS = 60
CHECK_SECONDS = 5.0
PAUSE = 0.1
REPOSITORIES, BLOBS = Path("docker/registry/v2/repositories"), Path("docker/registry/v2/blobs")
"""Where the registry keeps what, below its storage."""
CONFIGURATION = Template("""\
version: 0.1
log: {level: warn, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: $storage}, delete: {enabled: false}}
auth: {htpasswd: {realm: ecr, path: $hashes}}
http: {addr: "$address", tls: {certificate: $config/registry.crt, key: $config/registry.key}}
""")


class Images:
    """Those of one account. `start` begins the process, which ends with this one."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.layout = Layout(machine.folder / "images")
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            self.address = f"{HOST}:{probe.getsockname()[1]}"
        """host:port"""

    def start(self) -> None:
        """Return once it answers. UserError where it does not."""
        shutil.rmtree(self.layout.root, ignore_errors=True)  # its login names an address, which is another now
        self.layout.config.mkdir(parents=True, mode=0o700)
        self.machine.registry.mkdir(parents=True, exist_ok=True)
        ensure_login(self.layout, self.address, USER)
        certificate, key = self.machine.sign(HOST)
        write_private(self.layout.config / "registry.crt", certificate.encode())
        write_private(self.layout.config / "registry.key", key.encode())
        values = {"hashes": self.layout.registry_hashes, "address": self.address, "config": self.layout.config}
        file = self.layout.config / "registry.yaml"
        file.write_text(CONFIGURATION.substitute(values, storage=self.machine.registry))
        log = self.layout.root / "registry.log"
        command = ["setpriv", "--pdeathsig", "KILL", str(self.machine.tools / "registry"), "serve", str(file)]
        with log.open("ab") as output:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env={"OTEL_TRACES_EXPORTER": "none"}
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if process.poll() is not None or time.monotonic() > deadline:
                raise UserError(f"the image registry of the emulated account does not answer: see {log}")
            time.sleep(PAUSE)

    @property
    def token(self) -> str:
        """User and password, as ECR encodes them. Secret."""
        entries: dict[str, dict[str, str]] = json.loads(self.layout.registry_login.read_text())["auths"]
        return entries[self.address]["auth"]

    def held(self, repository: str) -> Iterator[tuple[str, str, str]]:
        """Yield tag, digest and manifest of each image of a repository."""
        tags = self.machine.registry / REPOSITORIES / repository / "_manifests/tags"
        for link in sorted(tags.glob("*/current/link")):
            digest = link.read_text().strip()
            manifest = self.machine.registry / BLOBS / _path(digest) / "data"
            yield link.parts[-3], digest, manifest.read_text()

    def put(self, binary: Path, repository: str) -> str:
        """Store an image of one static program, as `write_image` makes it, past the registry: without a login, and
        before it runs. Return the digest of its manifest."""
        with TemporaryDirectory(dir=self.machine.registry) as folder:  # beside its blobs: on their file system
            archive = Path(folder) / "image.tar"
            write_image(binary, repository, archive)
            with tarfile.open(archive) as layout:
                layout.extractall(folder, filter="data")
            index = json.loads((Path(folder) / "index.json").read_text())
            digest: str = index["manifests"][0]["digest"]
            blobs = [f"sha256:{blob.name}" for blob in (Path(folder) / "blobs/sha256").iterdir()]
            for blob in blobs:
                kept = self.machine.registry / BLOBS / _path(blob) / "data"
                kept.parent.mkdir(parents=True, exist_ok=True)
                (Path(folder) / "blobs" / blob.replace(":", "/")).replace(kept)
        home = self.machine.registry / REPOSITORIES / repository
        links = [home / "_layers" / blob.replace(":", "/") / "link" for blob in blobs]
        for link, blob in zip(links, blobs, strict=True):
            _write(link, blob)
        _write(home / "_manifests/revisions" / digest.replace(":", "/") / "link", digest)
        return digest

    def forget(self, repository: str) -> None:
        """Remove a repository with its tags. What it shared with others stays."""
        shutil.rmtree(self.machine.registry / REPOSITORIES / repository, ignore_errors=True)

    def _answers(self) -> bool:
        trust = ssl.create_default_context(cafile=self.machine.ca)
        connection = http.client.HTTPSConnection(self.address, timeout=CHECK_SECONDS, context=trust)
        try:
            connection.request("GET", "/")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def _path(digest: str) -> Path:
    """Where a blob is, below the folder of all."""
    kind, _, number = digest.partition(":")
    return Path(kind, number[:2], number)


def _write(link: Path, digest: str) -> None:
    link.parent.mkdir(parents=True, exist_ok=True)
    link.write_text(digest)
