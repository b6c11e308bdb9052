"""AWS's Cloud Control API, which moto lacks: the account's records of what nothing here emulates.

A type of resource is its schema's name; a resource is the document that a client gave, under the identifier in it.
Nothing of a record does anything.
"""

import json
import re
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from .repeats import drain

TARGET = "CloudApiService."
SCOPE = re.compile(r"Credential=[^/\s]+/[0-9]+/([^/\s]+)/")
IDENTIFIER = "Identifier"
"""Member of a document that names the resource."""
Fields = dict[str, Any]


class Refused(Exception):
    """An answer that says no. code: as the API names the error."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass
class Records:
    """A WSGI application around that of the account."""

    application: Any
    _kept: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict[tuple[str, str], dict[str, str]])
    """(region, type) -> identifier -> document."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        target: str = environ.get("HTTP_X_AMZ_TARGET", "")
        if not target.startswith(TARGET):
            return self.application(environ, start_response)
        asked: Fields = json.loads(drain(environ) or b"{}")
        region = SCOPE.search(environ.get("HTTP_AUTHORIZATION", ""))
        status, answer = self._answer(target.removeprefix(TARGET), region[1] if region else "", asked)
        start_response(status, [("Content-Type", "application/x-amz-json-1.0")])
        return [json.dumps(answer).encode()]

    def _answer(self, operation: str, region: str, asked: Fields) -> tuple[str, Fields]:
        operations: dict[str, Callable[[dict[str, str], Fields], Fields]] = {
            "CreateResource": _create,
            "GetResource": _get,
            "UpdateResource": _update,
            "DeleteResource": _delete,
            "ListResources": _list,
        }
        try:
            if operation not in operations:
                raise Refused("UnsupportedActionException", f"{operation} is not emulated")
            with self._lock:
                return "200 OK", operations[operation](self._kept.setdefault((region, asked["TypeName"]), {}), asked)
        except Refused as refused:
            return "400 Bad Request", {"__type": refused.code, "message": str(refused)}


def _create(kept: dict[str, str], asked: Fields) -> Fields:
    identifier: str = json.loads(asked["DesiredState"])[IDENTIFIER]
    if identifier in kept:
        message = f"Resource of type '{asked['TypeName']}' with identifier '{identifier}' already exists."
        raise Refused("AlreadyExistsException", message)
    kept[identifier] = asked["DesiredState"]
    return _done("CREATE", asked["TypeName"], identifier)


def _get(kept: dict[str, str], asked: Fields) -> Fields:
    return {"TypeName": asked["TypeName"], "ResourceDescription": _described(asked["Identifier"], _known(kept, asked))}


def _update(kept: dict[str, str], asked: Fields) -> Fields:
    """Members of the document that the patch adds, replaces or removes."""
    document: Fields = json.loads(_known(kept, asked))
    for step in json.loads(asked["PatchDocument"]):
        name: str = step["path"].removeprefix("/")
        if step["op"] not in {"add", "replace", "remove"} or "/" in name or not name:
            raise Refused("InvalidRequestException", f"{step['op']} {step['path']}: only whole members are emulated")
        document.pop(name, None)
        if step["op"] != "remove":
            document[name] = step["value"]
    kept[asked["Identifier"]] = json.dumps(document)
    return _done("UPDATE", asked["TypeName"], asked["Identifier"])


def _delete(kept: dict[str, str], asked: Fields) -> Fields:
    _known(kept, asked)
    del kept[asked["Identifier"]]
    return _done("DELETE", asked["TypeName"], asked["Identifier"])


def _list(kept: dict[str, str], asked: Fields) -> Fields:
    found = [_described(identifier, document) for identifier, document in kept.items()]
    return {"TypeName": asked["TypeName"], "ResourceDescriptions": found}


def _known(kept: dict[str, str], asked: Fields) -> str:
    if asked["Identifier"] not in kept:
        message = f"Resource of type '{asked['TypeName']}' with identifier '{asked['Identifier']}' was not found."
        raise Refused("ResourceNotFoundException", message)
    return kept[asked["Identifier"]]


def _described(identifier: str, document: str) -> Fields:
    return {"Identifier": identifier, "Properties": document}


def _done(operation: str, kind: str, identifier: str) -> Fields:
    event = {"TypeName": kind, "Identifier": identifier, "Operation": operation, "OperationStatus": "SUCCESS"}
    return {"ProgressEvent": event}
