import os
import sys
import time
from pathlib import Path

import pytest

from scripts.benchmarks.serving.object_store import serving
from scripts.benchmarks.serving.process import free_port, started, tree
from scripts.benchmarks.serving.question import Question
from tests.scripts.cli.fakes import refused
from workloads.artifacts import download_folder, object_store

SERVER = """
import http.server, subprocess, sys
class Answer(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.send_response(200); self.send_header("content-length", "0"); self.end_headers()
if __name__ == "__main__":
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    print(child.pid, file=open("child", "w"))
    http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Answer).serve_forever()
"""
CORE = min(os.sched_getaffinity(0))


def question(port: int) -> Question:
    return Question(f"http://127.0.0.1:{port}/", b"{}", {})


def ends(pid: int) -> bool:
    """Whether a process that was killed has ended within 10 s: on a busy machine it gets its signal late."""
    for _ in range(100):
        try:
            if Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z":
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.1)
    return False


def test_a_server_is_weighed_with_what_it_started_and_none_of_it_stays(tmp_path: Path) -> None:
    port = free_port()
    with started([sys.executable, "-c", SERVER, str(port)], tmp_path, dict(os.environ), CORE, question(port)) as found:
        child = int((tmp_path / "child").read_text())
        assert child in tree(found.process.pid)
        assert os.sched_getaffinity(child) == {CORE}
        assert found.start > 0
        assert found.memory() > 10
        assert found.cpu() > 0
    assert ends(child)


def test_a_server_that_ends_shows_its_last_lines(tmp_path: Path) -> None:
    port = free_port()
    command = [sys.executable, "-c", "print('no such model'); raise SystemExit(3)"]

    def start() -> None:
        with started(command, tmp_path, dict(os.environ), CORE, question(port)):
            pass

    assert refused(start).endswith("The server's last lines:\nno such model")


def test_the_object_store_gives_what_a_model_server_fetches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = tmp_path / "store/artifacts/models/iris/0a"
    (model / "serving").mkdir(parents=True)
    (model / "MLmodel").write_text("flavors")
    (model / "serving/model & more.onnx").write_bytes(b"\0graph")
    fetched = tmp_path / "fetched"
    with serving(tmp_path / "store") as address:
        given = {"AWS_ENDPOINT_URL_S3": address, "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
        for name, value in {**given, "AWS_DEFAULT_REGION": "us-east-1"}.items():
            monkeypatch.setenv(name, value)
        download_folder(object_store(), "s3://artifacts/models/iris/0a", fetched)
    files = {path.relative_to(fetched).as_posix(): path.read_bytes() for path in fetched.rglob("*") if path.is_file()}
    assert files == {"MLmodel": b"flavors", "serving/model & more.onnx": b"\0graph"}
