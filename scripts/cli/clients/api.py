"""The Kubernetes API by plain HTTP, for those who ask much at once. `kubectl proxy` logs in as the kubeconfig says."""

import subprocess
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from modules.core.errors import UserError
from scripts.cli.clients.forward import ENDS_WITH_US
from scripts.cli.environment import Environment

SECONDS = 20.0
"""For an answer of the API server."""
AUTHORITY = "http://localhost"
"""Of no meaning: the way is a socket that nobody but this user may open."""
METADATA_ONLY = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


class Refused(Exception):
    """The API server said no: the right is missing."""


class Api:
    """The API server of a stack's cluster."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client

    def get(self, path: str, accept: str = "application/json") -> dict[str, Any] | None:
        """Return an object or a list; None where it is not there. Raise Refused without the right to read it."""
        response = self._ask("GET", path, headers={"Accept": accept})
        return None if response.status_code == 404 else _checked(response).json()

    def items(self, path: str) -> list[dict[str, Any]]:
        """Return the objects of a list."""
        return (self.get(path) or {}).get("items") or []

    def metadata(self, path: str) -> list[dict[str, Any]]:
        """Return the metadata of a list's objects, and nothing else of them: no Secret's values."""
        found = self.get(path, METADATA_ONLY) or dict[str, Any]()
        items: list[dict[str, Any]] = found.get("items") or []
        return [each["metadata"] for each in items]

    def create(self, path: str, document: Mapping[str, Any]) -> dict[str, Any]:
        """Return what was made of a document."""
        return _checked(self._ask("POST", path, json=document)).json()

    def delete(self, path: str) -> None:
        """Delete an object; one that is not there is no error."""
        response = self._ask("DELETE", path)
        if response.status_code != 404:
            _checked(response)

    def response(self, path: str) -> httpx.Response:
        """Return an answer as it is, with its headers."""
        return _checked(self._ask("GET", path))

    def _ask(self, method: str, path: str, **given: Any) -> httpx.Response:
        try:
            return self.client.request(method, path, **given)
        except httpx.TransportError as error:
            raise UserError(f"the Kubernetes API does not answer: {error or type(error).__name__}") from error


def _checked(response: httpx.Response) -> httpx.Response:
    if response.is_success:
        return response
    message = _message(response)
    if response.status_code == 403:
        raise Refused(message)
    raise UserError(f"the Kubernetes API answers {response.status_code}: {message}")


def _message(response: httpx.Response) -> str:
    try:
        return response.json()["message"]
    except (ValueError, KeyError, TypeError):
        return response.text.strip()


@contextmanager
def connect(environment: Environment) -> Generator[Api]:
    """Yield the API server of a stack's cluster. UserError where the kubeconfig leads nowhere."""
    with tempfile.TemporaryDirectory(prefix="groundwork-api-") as folder:
        socket = Path(folder) / "socket"
        with (
            subprocess.Popen(
                ["sh", "-c", ENDS_WITH_US, "sh", "proxy", f"--unix-socket={socket}", "--reject-paths=^$"],
                env=environment.process_environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            ) as process,
            httpx.Client(
                transport=httpx.HTTPTransport(uds=str(socket)), base_url=AUTHORITY, timeout=SECONDS, trust_env=False
            ) as client,
        ):
            try:
                output = process.stdout
                assert output is not None
                said = output.readline()
                if "Starting to serve" not in said:
                    raise UserError(f"`kubectl proxy` failed: {(said + output.read()).strip()}")
                yield Api(client)
            finally:
                process.kill()
