"""The landing page: what runs, whether it is well, which model is champion and which one serves.

    portal.py DOCUMENT PORT     DOCUMENT: the JSON that modules/gateway/documents.py writes; read anew for each answer

Answers / with a page and /status.json with the same as data; the proxy beside it is the way in.
"""

import json
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import repeat
from pathlib import Path
from typing import Any

from jinja2 import Environment

PATIENCE = 2.0
"""Seconds for one answer of a service."""
KEPT = 2.0
"""Seconds for which an answer is given again: a reload asks nobody."""
TEMPLATE = Path(__file__).with_name("portal.html.j2")

Document = dict[str, Any]


def look(document: Document) -> Document:
    """What is true now: services with their health, models with their champion. Asks all at once."""
    with ThreadPoolExecutor(16) as pool:
        services = pool.map(_service, document["services"])
        models = pool.map(_model, document["models"], repeat(document["tracking"]))
        return {
            "environment": document["environment"],
            "services": list(services),
            "models": list(models),
            "looked": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        }


def _service(service: Document) -> Document:
    problems = [problem for url in service["checks"] if (problem := problem_of(url))]
    health = "; ".join(problems) or "healthy"
    return {"name": service["name"], "title": service["title"], "login": service["login"], "health": health}


def problem_of(url: str) -> str:
    """Why a service is not well; "" where it is."""
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE):
            return ""
    except urllib.error.HTTPError as error:
        return f"answers {error.code}"
    except OSError as error:
        return f"does not answer ({getattr(error, 'reason', error)})"


def _model(model: Document, tracking: str) -> Document:
    return {**model, "champion": champion_of(model["model"], tracking)}


def champion_of(model: str, tracking: str) -> str:
    """Version with the alias champion; in words where there is none, or nobody tells."""
    query = urllib.parse.urlencode({"name": model, "alias": "champion"})
    try:
        with urllib.request.urlopen(
            f"{tracking}/api/2.0/mlflow/registered-models/alias?{query}", timeout=PATIENCE
        ) as answer:
            return f"version {json.load(answer)['model_version']['version']}"
    except urllib.error.HTTPError as error:
        return "none yet" if error.code in (400, 404) else f"unknown: MLflow answers {error.code}"
    except (OSError, ValueError, KeyError):
        return "unknown: MLflow does not answer"


def page(status: Document, domain: str, port: str) -> str:
    """port: with its colon, as the browser named it; "" for the default one."""
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(TEMPLATE.read_text()).render(status, domain=domain, port=port)


class Portal:
    """Looks at most every KEPT seconds, whoever asks."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._status: Document = {}
        self._until = 0.0

    def status(self) -> tuple[Document, str]:
        """(the status, the domain of the services' hosts)."""
        document = json.loads(self._path.read_text())
        with self._lock:
            if time.monotonic() > self._until:
                self._status = look(document)
                self._until = time.monotonic() + KEPT
            return self._status, document["domain"]


def handler(portal: Portal) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = urllib.parse.urlsplit(self.path).path
            if path == "/live":
                self._answer(200, "text/plain", "alive\n")
            elif path == "/":
                status, domain = portal.status()
                port = urllib.parse.urlsplit(f"//{self.headers.get('X-Forwarded-Host', '')}").port
                self._answer(200, "text/html; charset=utf-8", page(status, domain, f":{port}" if port else ""))
            elif path == "/status.json":
                self._answer(200, "application/json", json.dumps(portal.status()[0], indent=1) + "\n")
            else:
                self._answer(404, "text/plain", "There is / and /status.json.\n")

        def _answer(self, code: int, kind: str, text: str) -> None:
            body = text.encode()
            self.send_response(code)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.send_header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """The proxy's metrics count the requests."""

    return Handler


if __name__ == "__main__":
    ThreadingHTTPServer(("", int(sys.argv[2])), handler(Portal(Path(sys.argv[1])))).serve_forever()
