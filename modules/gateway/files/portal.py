"""The landing page: what runs, whether it is well, which model is champion and which one serves.

    portal.py DOCUMENT PORT     DOCUMENT: the JSON that modules/gateway/documents.py writes; read anew for each answer

Answers / with a page and /status.json with the same as data; the proxy beside it is the way in.
"""

import base64
import json
import re
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial
from http.client import HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from jinja2 import Environment

PATIENCE = 2.0
"""Seconds for all answers together."""
KEPT = 2.0
"""Seconds for which an answer is given again: a reload asks nobody."""
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""What a browser lets the page do: be shown, and nothing else."""
TEMPLATE = Path(__file__).with_name("portal.html.j2")

Document = dict[str, Any]


class Questions:
    """Asks all at once, for PATIENCE in all. Who owes an answer to the last look is waited for and not asked again, so
    that a service which never comes to an end costs one thread."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(16)
        self._asked: dict[str, Future[str]] = {}

    def answers(self, questions: Mapping[str, Callable[[], str]], late: str) -> dict[str, str]:
        """By the questions' keys; `late` for what did not answer in time."""
        for key, question in questions.items():
            if key not in self._asked or self._asked[key].done():
                self._asked[key] = self._pool.submit(question)
        asked = {key: self._asked[key] for key in questions}
        wait(asked.values(), timeout=PATIENCE)
        return {key: future.result() if future.done() else late for key, future in asked.items()}


def look(document: Document, questions: Questions) -> Document:
    """What is true now: services with their health, models with their champion."""
    tracking = document["tracking"]
    checks = {url: partial(problem_of, url) for service in document["services"] for url in service["checks"]}
    login = Path(document["tracking_login"])
    champions = {model["model"]: partial(champion_of, model["model"], tracking, login) for model in document["models"]}
    found = questions.answers({**checks, **champions}, late=f"no answer within {PATIENCE:g} s")
    return {
        "environment": document["environment"],
        "services": [_service(service, found) for service in document["services"]],
        "models": [{**model, "champion": found[model["model"]]} for model in document["models"]],
        "looked": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def _service(service: Document, found: Mapping[str, str]) -> Document:
    health = "; ".join(problem for url in service["checks"] if (problem := found[url])) or "healthy"
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
    except HTTPException as error:
        return f"does not answer in HTTP ({error!r})"


def champion_of(model: str, tracking: str, login: Path) -> str:
    """Version with the alias champion; in words where there is none, or nobody answers. `login`: the folder of the
    files username and password."""
    query = urllib.parse.urlencode({"name": model, "alias": "champion"})
    request = urllib.request.Request(f"{tracking}/api/2.0/mlflow/registered-models/alias?{query}")
    try:
        credentials = f"{(login / 'username').read_text()}:{(login / 'password').read_text()}"
        request.add_header("Authorization", f"Basic {base64.b64encode(credentials.encode()).decode()}")
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return f"version {json.load(answer)['model_version']['version']}"
    except urllib.error.HTTPError as error:
        return "none yet" if error.code in (400, 404) else f"unknown: MLflow answers {error.code}"
    except (OSError, HTTPException, ValueError, KeyError):
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
        self._questions = Questions()
        self._status: Document = {}
        self._until = 0.0

    def status(self) -> tuple[Document, str]:
        """(the status, the domain of the services' hosts)."""
        document = json.loads(self._path.read_text())
        with self._lock:
            if time.monotonic() > self._until:
                self._status = look(document, self._questions)
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
                port = re.search(r":\d+$", self.headers.get("X-Forwarded-Host", ""))
                self._answer(200, "text/html; charset=utf-8", page(status, domain, port[0] if port else ""))
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
            self.send_header("Content-Security-Policy", POLICY)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """The proxy's metrics count the requests."""

    return Handler


if __name__ == "__main__":
    ThreadingHTTPServer(("", int(sys.argv[2])), handler(Portal(Path(sys.argv[1])))).serve_forever()
