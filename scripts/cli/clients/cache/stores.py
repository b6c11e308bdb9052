"""Where a cache's files lie: a folder, a web server or an S3 bucket. None of them is trusted with what they hold."""

import os
import shutil
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from modules.core.errors import UserError

VARIABLE = "GROUNDWORK_CACHE"
EXPECTED = "expected the absolute path of a folder, https://HOST/PATH or s3://BUCKET/PREFIX"
LOOPBACK = {"127.0.0.1", "localhost", "::1"}
TIMEOUT_SECONDS = 30.0


class Unreachable(UserError):
    """The place does not answer, or refuses: nothing is known about what it holds."""


class Store(Protocol):
    """Files by relative path. Each method raises Unreachable where the place does not answer or refuses."""

    def read(self, path: str) -> bytes | None:
        """Return a small file's content; None where there is no such file."""
        ...

    def download(self, path: str, target: Path) -> bool:
        """Write a file's content to `target`; False where there is no such file."""
        ...

    def has(self, path: str) -> bool:
        """Return whether there is such a file."""
        ...

    def upload(self, path: str, source: Path) -> None:
        """Put a file in place, whole or not at all."""
        ...


def open_store(address: str) -> Store:
    """Return the store at an address. Raise UserError for an address that is none."""
    parts = urlsplit(address)
    if parts.scheme == "s3" and parts.netloc:
        return S3Store(parts.netloc, parts.path.strip("/"))
    if parts.netloc and (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)):
        return WebStore(address)
    if address.startswith("/"):
        return FolderStore(Path(address))
    if parts.scheme == "http":
        raise UserError(f"{VARIABLE}: {address!r} is not encrypted: {EXPECTED}")
    raise UserError(f"{VARIABLE}: {address!r} is no address of a cache: {EXPECTED}")


class FolderStore:
    """A folder of this machine, or one that it mounts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, path: str) -> bytes | None:
        with self._reached():
            file = self.folder / path
            return file.read_bytes() if file.exists() else None

    def download(self, path: str, target: Path) -> bool:
        with self._reached():
            if not (self.folder / path).exists():
                return False
            shutil.copyfile(self.folder / path, target)
            return True

    def has(self, path: str) -> bool:
        with self._reached():
            return (self.folder / path).exists()

    def upload(self, path: str, source: Path) -> None:
        with self._reached():
            target = self.folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            unfinished = target.with_name(f".{target.name}.{os.getpid()}")
            shutil.copyfile(source, unfinished)
            unfinished.replace(target)

    @contextmanager
    def _reached(self) -> Generator[None]:
        """A folder whose parent is missing is not made: a file system that is not mounted would be filled below."""
        try:
            self.folder.mkdir(exist_ok=True)
            yield
        except OSError as error:
            raise Unreachable(f"{VARIABLE}: {self.folder}: {error.strerror}") from error


class WebStore:
    """A web server that answers GET and HEAD and, to be filled, takes PUT. A login is taken from ~/.netrc."""

    def __init__(self, address: str) -> None:
        import httpx

        self.address = address.rstrip("/")
        netrc = Path(os.environ.get("NETRC") or Path.home() / ".netrc")
        self.client = httpx.Client(
            auth=httpx.NetRCAuth(str(netrc)) if netrc.exists() else None,
            timeout=TIMEOUT_SECONDS,
            follow_redirects=True,
        )

    def read(self, path: str) -> bytes | None:
        response = self._ask("GET", path)
        return None if response.status_code == 404 else response.content

    def download(self, path: str, target: Path) -> bool:
        import httpx

        try:
            with self.client.stream("GET", self._url(path)) as response, target.open("wb") as file:
                if response.status_code == 404:
                    return False
                self._check(response, path)
                for chunk in response.iter_bytes():
                    file.write(chunk)
        except httpx.TransportError as error:
            raise self._unreachable(error) from error
        return True

    def has(self, path: str) -> bool:
        return self._ask("HEAD", path).status_code != 404

    def upload(self, path: str, source: Path) -> None:
        def content() -> Generator[bytes]:
            with source.open("rb") as file:
                while chunk := file.read(1 << 20):
                    yield chunk

        length = {"Content-Length": str(source.stat().st_size)}
        if self._ask("PUT", path, content=content(), headers=length).status_code == 404:
            raise Unreachable(f"{VARIABLE}: {self._url(path)} can't be written: HTTP 404 to a PUT")

    def _ask(self, method: str, path: str, **arguments: Any) -> Any:
        import httpx

        try:
            response = self.client.request(method, self._url(path), **arguments)
        except httpx.TransportError as error:
            raise self._unreachable(error) from error
        if response.status_code != 404:
            self._check(response, path)
        return response

    def _url(self, path: str) -> str:
        return f"{self.address}/{path}"

    def _check(self, response: Any, path: str) -> None:
        if not response.is_success:
            raise Unreachable(f"{VARIABLE}: {self._url(path)}: HTTP {response.status_code}, expected a success")

    def _unreachable(self, error: Exception) -> Unreachable:
        return Unreachable(f"{VARIABLE}: {self.address} does not answer: {error}")


class S3Store:
    """A bucket, with the credentials that any AWS client of this shell uses."""

    def __init__(self, bucket: str, prefix: str) -> None:
        import boto3

        self.bucket, self.prefix = bucket, f"{prefix}/" if prefix else ""
        self.client: Any = boto3.client("s3")  # pyright: ignore[reportUnknownMemberType]

    def read(self, path: str) -> bytes | None:
        found = self._call(lambda key: self.client.get_object(Bucket=self.bucket, Key=key)["Body"].read(), path)
        return None if found is None else bytes(found)

    def download(self, path: str, target: Path) -> bool:
        def download(key: str) -> bool:
            self.client.download_file(self.bucket, key, str(target))
            return True

        return bool(self._call(download, path))

    def has(self, path: str) -> bool:
        return self._call(lambda key: self.client.head_object(Bucket=self.bucket, Key=key), path) is not None

    def upload(self, path: str, source: Path) -> None:
        def upload(key: str) -> bool:
            self.client.upload_file(str(source), self.bucket, key)
            return True

        if not self._call(upload, path):
            raise Unreachable(f"{VARIABLE}: s3://{self.bucket}: there is no such bucket")

    def _call(self, call: Callable[[str], Any], path: str) -> Any:
        """Return what a call gives; None where the object is not there. A bucket that is not there is an error."""
        from boto3.exceptions import S3UploadFailedError
        from botocore.exceptions import BotoCoreError, ClientError

        key = f"{self.prefix}{path}"
        try:
            return call(key)
        except ClientError as error:
            if error.response["Error"]["Code"] in {"404", "NoSuchKey"}:
                return None
            raise Unreachable(f"{VARIABLE}: s3://{self.bucket}/{key}: {error}") from error
        except (BotoCoreError, S3UploadFailedError) as error:
            raise Unreachable(f"{VARIABLE}: s3://{self.bucket}/{key}: {error}") from error
