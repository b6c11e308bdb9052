"""The object store that our server fetches its model from: files of one folder, by the two requests that it makes."""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"


class Handler(BaseHTTPRequestHandler):
    """ListObjectsV2 and GetObject, of whoever asks: it listens on the loopback while the bench runs."""

    protocol_version = "HTTP/1.1"

    def __init__(self, root: Path, *given: Any) -> None:
        self.root = root
        super().__init__(*given)

    def do_GET(self) -> None:
        asked = urlsplit(self.path)
        query = parse_qs(asked.query)
        file = self.root / unquote(asked.path).lstrip("/")
        if "list-type" in query:
            self._answer(200, listing(file, query.get("prefix", [""])[0]).encode())
        elif file.is_file():
            self._answer(200, file.read_bytes())
        else:
            self._answer(404, b"")

    def log_message(self, format: str, *args: Any) -> None:
        """Nobody reads a line a request."""

    def _answer(self, status: int, content: bytes) -> None:
        self.send_response(status)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def listing(bucket: Path, prefix: str) -> str:
    """Return the answer to ListObjectsV2: keys of all objects of a bucket that begin with a prefix."""
    keys = sorted(path.relative_to(bucket).as_posix() for path in bucket.rglob("*") if path.is_file())
    contents = "".join(
        f"<Contents><Key>{escape(key)}</Key><Size>{(bucket / key).stat().st_size}</Size></Contents>"
        for key in keys
        if key.startswith(prefix)
    )
    return f'<ListBucketResult xmlns="{NAMESPACE}"><IsTruncated>false</IsTruncated>{contents}</ListBucketResult>'


@contextmanager
def serving(root: Path) -> Generator[str]:
    """Serve a folder, its folders being buckets; yields the address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, root))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
