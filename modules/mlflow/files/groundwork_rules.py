"""What an account may do at the tracking server, as pure functions of a request.

What no rule allows is refused, also what a later version of MLflow adds.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

Role = Literal["people", "training", "reader"]
Kind = Literal["experiment", "run", "model"]
"""Of an id: "model" is a logged model, that of a registered model is its name."""
API = re.compile(r"/api/[23]\.0/mlflow/")
FILES = "/api/2.0/mlflow-artifacts/artifacts"
"""Path of the runs' files; below it lies EXPERIMENT/..., as below the server's artifacts root."""
CREATE_EXPERIMENT = "/experiments/create"
IDS: Mapping[str, Kind] = {
    "experiment_id": "experiment",
    "experiment_ids": "experiment",
    "run_id": "run",
    "run_ids": "run",
    "run_uuid": "run",
    "source_run_id": "run",
    "model_id": "model",
    "model_ids": "model",
}
"""Fields that name something by its id, wherever in a request they are."""
READER = {"GET registered-models/alias"}
BY_ID: Mapping[str, str] = {
    "GET experiments/get": "experiment_id",
    "POST experiments/set-experiment-tag": "experiment_id",
    "POST runs/create": "experiment_id",
    "POST runs/search": "experiment_ids",
    "GET runs/get": "run_id",
    "POST runs/update": "run_id",
    "POST runs/log-batch": "run_id",
    "POST runs/log-inputs": "run_id",
    "POST runs/log-metric": "run_id",
    "POST runs/log-parameter": "run_id",
    "POST runs/outputs": "run_id",
    "POST runs/set-tag": "run_id",
    "GET artifacts/list": "run_id",
    "GET metrics/get-history": "run_id",
    "POST logged-models": "experiment_id",
    "POST logged-models/search": "experiment_ids",
}
"""What a training calls, with the field that has to name what it is about."""
BY_NAME: Mapping[str, str] = {
    "GET experiments/get-by-name": "experiment_name",
    "POST experiments/create": "name",
    "POST registered-models/create": "name",
    "GET registered-models/get": "name",
    "GET registered-models/alias": "name",
    "POST registered-models/alias": "name",
    "POST model-versions/create": "name",
    "GET model-versions/get": "name",
    "POST model-versions/set-tag": "name",
}
"""The same, where it is the name of an experiment or of a registered model."""
LOGGED_MODEL = re.compile(
    r"(?:GET|PATCH) logged-models/(?P<id>[^/]+)(?:/tags)?|POST logged-models/(?P<of>[^/]+)/params"
)
SEARCH_VERSIONS = "GET model-versions/search"
OWN_FILTER = re.compile(r"name\s*=\s*'(?P<name>[^']+)'")
UNUSUAL = re.compile(r"[%?#\\\x00-\x1f]")
"""What somebody on a file's way may read as something else than a part of its name."""
LOGGED_SOURCE = re.compile(r"models:/(?P<id>m-[0-9a-f]{32})")


class Refused(Exception):
    """A request that its account may not make; the message says what it may."""


@dataclass(frozen=True, kw_only=True)
class Account:
    name: str
    sha256: str
    """Of the password, in hexadecimal digits: 40 random characters, which nobody finds from it."""
    role: Role
    names: frozenset[str]
    """Of the experiments and registered models that a training writes."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request: query and body are both there, since which of them MLflow reads depends on the method."""

    method: str
    path: str
    """Decoded."""
    query: Sequence[tuple[str, str]]
    body: Mapping[str, Any]

    def fields(self) -> Iterator[tuple[str, Any]]:
        """(name, value) of all fields at any depth, named as MLflow's protocol does: it takes camelCase too."""
        yield from ((snake_case(name), value) for name, value in self.query)
        yield from _fields(self.body)


Experiments = Callable[[Kind, str], str]
"""Name of the experiment that something is of; LookupError where it is not there."""


def read_accounts(document: str) -> dict[str, Account]:
    """From the JSON object {name: {sha256, role, names}}."""
    content: dict[str, Any] = json.loads(document)
    return {
        name: Account(name=name, sha256=each["sha256"], role=each["role"], names=frozenset(each["names"]))
        for name, each in content.items()
    }


def snake_case(name: str) -> str:
    return re.sub("[A-Z]", lambda found: f"_{found[0].lower()}", name)


def _fields(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, each in cast(dict[str, Any], value).items():
            yield snake_case(name), each
            yield from _fields(each)
    elif isinstance(value, list):
        for each in cast(list[Any], value):
            yield from _fields(each)


def needs_body(account: Account, path: str) -> bool:
    """Whether the rules look into a request's body, which is small then; files stream through."""
    if account.role == "people":
        return path.rstrip("/").endswith(CREATE_EXPERIMENT)
    return not is_file(path)


def is_file(path: str) -> bool:
    return path == FILES or path.startswith(f"{FILES}/")


def check(account: Account, asked: Asked, experiment_of: Experiments) -> None:
    """Raise Refused unless the account may make the request."""
    check_location(asked)
    if account.role == "people":
        return
    if is_file(asked.path):
        check_file(account, asked, experiment_of)
        return
    found = API.match(asked.path)
    call = f"{asked.method} {asked.path[found.end() :]}" if found else f"{asked.method} {asked.path}"
    if account.role == "training":
        check_training(account, call, asked, experiment_of)
    elif not found or call not in READER:
        raise Refused(f"account {account.name} may not {call}; it may {', '.join(sorted(READER))}")


def check_location(asked: Asked) -> None:
    """Where an experiment's files lie is the server's choice alone, whoever asks."""
    if not asked.path.rstrip("/").endswith(CREATE_EXPERIMENT):
        return
    for name, value in asked.fields():
        if name == "artifact_location" and value:
            raise Refused(
                f"artifact_location is {value!r}: all experiments have their files below the server's own artifacts "
                "root, so leave it out"
            )


def check_file(account: Account, asked: Asked, experiment_of: Experiments) -> None:
    """Of its own experiments a training reads, lists and adds files; it deletes none."""
    below = [value for name, value in asked.query if name == "path"] or [""]
    listing = asked.path == FILES
    for path in below if listing else [asked.path.removeprefix(f"{FILES}/")]:
        parts = path.split("/")
        if account.role != "training" or asked.method not in ({"GET"} if listing else {"GET", "PUT"}):
            raise Refused(f"account {account.name} may not {asked.method} the file {path!r}")
        if {"", ".", ".."} & {*parts} or UNUSUAL.search(path):
            raise Refused(f"the path {path!r} of a file is not a plain one")
        _require_own(account, "experiment", parts[0], experiment_of)


def check_training(account: Account, call: str, asked: Asked, experiment_of: Experiments) -> None:
    """All that a request names has to be the account's own, and it has to name something."""
    fields = list(asked.fields())
    for name, value in fields:
        for each in _texts(name, value) if name in IDS else ():
            _require_own(account, IDS[name], each, experiment_of)
    if model := LOGGED_MODEL.fullmatch(call):
        _require_own(account, "model", model["id"] or model["of"], experiment_of)
    elif call == SEARCH_VERSIONS:
        _require_names(account, [_filtered(each) for each in _values(fields, "filter")], "filter")
    elif call in BY_NAME:
        _require_names(account, _values(asked.query, BY_NAME[call]) + _top(asked, BY_NAME[call]), BY_NAME[call])
    elif call not in BY_ID:
        raise Refused(f"account {account.name} may not {call}")
    elif not any(_texts(name, value) for name, value in fields if name == BY_ID[call]):
        raise Refused(f"{call} has to name its {BY_ID[call]}")
    if call == "POST model-versions/create":
        _check_source(account, _top(asked, "source"), experiment_of)


def _top(asked: Asked, field: str) -> list[Any]:
    """Values of a field of the body itself; those of tags have names of their own."""
    return [value for name, value in asked.body.items() if snake_case(name) == field]


def _values(fields: Sequence[tuple[str, Any]], field: str) -> list[Any]:
    return [value for name, value in fields if name == field]


def _texts(name: str, value: Any) -> list[str]:
    """The ids in a field, those that are empty being none."""
    found: list[Any] = cast(list[Any], value) if isinstance(value, list) else [value]
    if not all(isinstance(each, str) for each in found):
        raise Refused(f"{name} is {value!r}: expected text")
    return [each for each in found if each]


def _filtered(text: Any) -> str | None:
    found = OWN_FILTER.fullmatch(text) if isinstance(text, str) else None
    return found["name"] if found else None


def _check_source(account: Account, sources: list[Any], experiment_of: Experiments) -> None:
    for source in sources or [None]:
        found = LOGGED_SOURCE.fullmatch(source) if isinstance(source, str) else None
        if found is None:
            raise Refused(f"source is {source!r}: account {account.name} registers models:/ID of what it logged")
        _require_own(account, "model", found["id"], experiment_of)


def _require_names(account: Account, names: Sequence[Any], field: str) -> None:
    if not names or not all(isinstance(name, str) and name in account.names for name in names):
        given = ", ".join(map(repr, names)) or "missing"
        raise Refused(f"{field} is {given}: account {account.name} has {', '.join(sorted(account.names))}")


def _require_own(account: Account, kind: Kind, value: str, experiment_of: Experiments) -> None:
    try:
        owner = experiment_of(kind, value)
    except LookupError:
        owner = None
    if owner not in account.names:
        what = "logged model" if kind == "model" else kind
        raise Refused(
            f"{what} {value!r} is none of account {account.name}, which has the experiments "
            f"{', '.join(sorted(account.names))}"
        )
