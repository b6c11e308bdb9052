"""The part of GitHub that previews are commented on, on a real socket."""

import json
import re
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

POLL_SECONDS = 0.01
"""Between looks of a server whether it shall end: the default of half a second is waited for at each end."""
TOKEN = "a-token"
COMMENTS = "/repos/someone/groundwork/issues/7/comments"


class GitHub(ThreadingHTTPServer):
    """Keeps the comments of pull request 7 of someone/groundwork."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.bodies: list[str] = []

    @property
    def variables(self) -> dict[str, str]:
        """What a build server gives a step about its pull request."""
        return {
            "CHANGE_URL": "https://github.com/someone/groundwork/pull/7",
            "GITHUB_TOKEN": TOKEN,
            "GITHUB_API_URL": f"http://127.0.0.1:{self.server_address[1]}",
        }


class _Handler(BaseHTTPRequestHandler):
    @property
    def bodies(self) -> list[str]:
        assert isinstance(self.server, GitHub)
        return self.server.bodies

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        query = {key: int(values[0]) for key, values in parse_qs(address.query).items()}
        if not self._admitted() or address.path != COMMENTS:
            return
        first = (query["page"] - 1) * query["per_page"]
        page = list(enumerate(self.bodies))[first : first + query["per_page"]]
        self._answer(200, [{"id": number, "body": body} for number, body in page])

    def do_POST(self) -> None:
        if self._admitted() and self.path == COMMENTS:
            self.bodies.append(self._body())
            self._answer(201, {"html_url": f"https://github.com/someone/groundwork/pull/7#{len(self.bodies) - 1}"})

    def do_PATCH(self) -> None:
        found = re.fullmatch(r"/repos/someone/groundwork/issues/comments/(\d+)", self.path)
        if self._admitted() and found:
            self.bodies[int(found[1])] = self._body()
            self._answer(200, {"html_url": f"https://github.com/someone/groundwork/pull/7#{found[1]}"})

    def _admitted(self) -> bool:
        known = self.headers.get("Authorization") == f"Bearer {TOKEN}"
        if not known:
            self._answer(401, {"message": "Bad credentials"})
        return known

    def _body(self) -> str:
        return json.loads(self.rfile.read(int(self.headers["Content-Length"])))["body"]

    def _answer(self, status: int, document: Any) -> None:
        content = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@contextmanager
def github() -> Generator[GitHub]:
    with GitHub() as server:
        thread = Thread(target=server.serve_forever, args=[POLL_SECONDS])
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
