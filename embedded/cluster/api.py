"""A small client of the API server and of other HTTPS endpoints of a cluster, with a client certificate."""

import http.client
import json
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlencode

Json = dict[str, Any]
FIELD_MANAGER = "groundwork-cluster"


class ApiError(Exception):
    """An answer other than 2xx; `status` is its code."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"{status}: {text}")
        self.status = status


class Client:
    """Each call is a connection of its own: few calls, and none may be surprised by one that has gone stale."""

    def __init__(self, host: str, port: int, *, ca: Path, certificate: Path, key: Path, timeout: float = 5.0) -> None:
        self.host, self.port, self.timeout = host, port, timeout
        self.context = ssl.create_default_context(cafile=str(ca))
        self.context.load_cert_chain(str(certificate), str(key))

    def get(self, path: str) -> Json:
        return cast("Json", json.loads(self._request("GET", path)))

    def text(self, path: str) -> str:
        return self._request("GET", path).decode()

    def apply(self, path: str, document: Json) -> None:
        """Server-side apply of a whole object."""
        query = urlencode({"fieldManager": FIELD_MANAGER, "force": "true"})
        self._request("PATCH", f"{path}?{query}", json.dumps(document), "application/apply-patch+yaml")

    def patch(self, path: str, change: Json) -> None:
        """Change some fields of an object, or of its status."""
        self._request("PATCH", path, json.dumps(change), "application/merge-patch+json")

    def delete(self, path: str) -> None:
        self._request("DELETE", path)

    def watch(self, path: str, version: str, seconds: int) -> Iterator[Json]:
        """Events since `version`, as they come, for `seconds` at most."""
        query = urlencode({"watch": "1", "resourceVersion": version, "timeoutSeconds": seconds})
        connection = self._connection(timeout=seconds + 30)
        try:
            connection.request("GET", f"{path}?{query}")
            response = connection.getresponse()
            if response.status != 200:
                raise ApiError(response.status, response.read().decode(errors="replace"))
            while line := response.readline():
                yield cast("Json", json.loads(line))
        finally:
            connection.close()

    def _connection(self, timeout: float) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection(self.host, self.port, context=self.context, timeout=timeout)

    def _request(self, method: str, path: str, body: str | None = None, content_type: str | None = None) -> bytes:
        connection = self._connection(self.timeout)
        try:
            connection.request(method, path, body, {"Content-Type": content_type} if content_type else {})
            response = connection.getresponse()
            content = response.read()
        finally:
            connection.close()
        if response.status >= 300:
            raise ApiError(response.status, content.decode(errors="replace"))
        return content
