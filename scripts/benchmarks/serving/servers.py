"""The servers: how each is started as its users start it, with one worker, and what it is asked."""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from modules.core.paths import REPOSITORY
from scripts.benchmarks.serving.model import NAME, Trained
from scripts.benchmarks.serving.question import Question, Rows, infer, infer_grpc, invocations, plain

FILES = Path(__file__).parent / "files"
HTTP, GRPC = "HTTP", "gRPC"
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
OUR_SERVER = (
    "import sys; from workloads.server import __main__ as server; "
    "server.PORT, server.GRPC_PORT = map(int, sys.argv[1:]); sys.exit(server.main(['serve']))"
)
"""`python -m workloads.server`, at ports that are free: a pod has its own of each number."""


@dataclass(frozen=True)
class Place:
    """Where one server runs. folder: its own, empty; environment: of Python; ports: HTTP, gRPC and one more.

    pod: variables that our server has in a pod."""

    folder: Path
    environment: Path
    ports: tuple[int, int, int]
    model: Trained
    pod: Mapping[str, str]

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.ports[0]}"

    @property
    def grpc_origin(self) -> str:
        return f"http://127.0.0.1:{self.ports[1]}"

    def program(self, name: str) -> str:
        return str(self.environment / "bin" / name)


@dataclass(frozen=True)
class Server:
    """start: writes what the server reads into its folder; (command, variables). ask: a question by protocol.

    packages: whose versions the report shows."""

    name: str
    title: str
    group: str
    packages: tuple[str, ...]
    start: Callable[[Place], tuple[list[str], dict[str, str]]]
    ask: Mapping[str, Callable[[Place, Rows], Question]]


def variables(place: Place, own: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a server: nothing of a person's, and one thread, as for a limit of one processor."""
    path = os.pathsep.join([str(place.environment / "bin"), os.environ.get("PATH", "")])
    home = str(place.folder)
    return {"PATH": path, "HOME": home, "TMPDIR": home, "PYTHONPATH": str(FILES), **ONE_THREAD, **own}


def _ours(place: Place) -> tuple[list[str], dict[str, str]]:
    command = [place.program("python"), "-c", OUR_SERVER, *map(str, place.ports[:2])]
    return command, {**place.pod, "PYTHONPATH": str(REPOSITORY)}


def _mlserver(place: Place, implementation: str, uri: Path) -> tuple[list[str], dict[str, str]]:
    """At its best on one core: the model in the server's own process, and no line a request."""
    http, grpc, metrics = place.ports
    ports = {"http_port": http, "grpc_port": grpc, "metrics_port": metrics}
    settings = {"host": "127.0.0.1", **ports, "parallel_workers": 0, "debug": False}
    model = {"name": NAME, "implementation": implementation, "parameters": {"uri": str(uri)}}
    (place.folder / "settings.json").write_text(json.dumps(settings))
    (place.folder / "model-settings.json").write_text(json.dumps(model))
    return [place.program("mlserver"), "start", "."], {}


def _mlserver_sklearn(place: Place) -> tuple[list[str], dict[str, str]]:
    return _mlserver(place, "mlserver_sklearn.SKLearnModel", place.model.native / "model.joblib")


def _mlserver_onnx(place: Place) -> tuple[list[str], dict[str, str]]:
    return _mlserver(place, "mlserver_onnx.OnnxRuntime", place.model.onnx)


def _bentoml(place: Place) -> tuple[list[str], dict[str, str]]:
    listening = ("--host", "127.0.0.1", "--port", str(place.ports[0]), "--working-dir", str(FILES))
    own = {"MODEL_FOLDER": str(place.model.native), "BENTOML_DO_NOT_TRACK": "true"}
    return [place.program("bentoml"), "serve", "bento_service:Iris", *listening], own


def _mlflow(place: Place) -> tuple[list[str], dict[str, str]]:
    listening = ("--host", "127.0.0.1", "--port", str(place.ports[0]), "--workers", "1")
    model = ("-m", str(place.model.mlflow), "--env-manager", "local")
    own = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_TRACKING_URI": f"sqlite:///{place.folder / 'mlflow.db'}"}
    return [place.program("mlflow"), "models", "serve", *model, *listening], own


def _fastapi(place: Place) -> tuple[list[str], dict[str, str]]:
    listening = ("--host", "127.0.0.1", "--port", str(place.ports[0]), "--no-access-log")
    return [place.program("uvicorn"), "fastapi_app:app", *listening], {"MODEL_FOLDER": str(place.model.onnx)}


PROTOCOL: Mapping[str, Callable[[Place, Rows], Question]] = {
    HTTP: lambda place, rows: infer(place.origin, NAME, rows),
    GRPC: lambda place, rows: infer_grpc(place.grpc_origin, NAME, rows),
}
"""The Open Inference Protocol."""
PLAIN: Mapping[str, Callable[[Place, Rows], Question]] = {
    HTTP: lambda place, rows: plain(f"{place.origin}/predict", rows)
}
OURS = "ours"
SERVERS = (
    Server(OURS, "Groundwork", "serving", ("onnxruntime", "uvloop"), _ours, PROTOCOL),
    Server(
        "mlserver",
        "MLServer, its scikit-learn runtime",
        "mlserver",
        ("mlserver", "mlserver-sklearn", "scikit-learn"),
        _mlserver_sklearn,
        {HTTP: PROTOCOL[HTTP]},  # by gRPC it gave no answer for this model
    ),
    Server(
        "mlserver-onnx",
        "MLServer, an ONNX runtime class",
        "mlserver-onnx",
        ("mlserver", "onnxruntime"),
        _mlserver_onnx,
        PROTOCOL,
    ),
    Server("bentoml", "BentoML, scikit-learn", "bentoml", ("bentoml", "scikit-learn"), _bentoml, PLAIN),
    Server(
        "mlflow",
        "mlflow models serve",
        "mlflow",
        ("mlflow", "scikit-learn"),
        _mlflow,
        {HTTP: lambda place, rows: invocations(place.origin, place.model.features, rows)},
    ),
    Server("fastapi", "FastAPI, ONNX Runtime", "fastapi", ("fastapi", "uvicorn", "onnxruntime"), _fastapi, PLAIN),
)
