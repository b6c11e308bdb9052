"""What the provider stand-ins share: values, calls, errors, and the gRPC server that the engine talks to."""

from .calls import Call
from .errors import CheckFailure, InitFailed, ProviderError
from .provider import Change, Checked, Created, Diff, Provider, ReadResult, Resource
from .server import serve
from .values import (
    UNKNOWN,
    Object,
    Secret,
    has_unknown,
    is_list,
    is_object,
    is_unknown,
    items,
    mark,
    part,
    reveal,
    secret_paths,
)

__all__ = [
    "UNKNOWN",
    "Call",
    "Change",
    "CheckFailure",
    "Checked",
    "Created",
    "Diff",
    "InitFailed",
    "Object",
    "Provider",
    "ProviderError",
    "ReadResult",
    "Resource",
    "Secret",
    "has_unknown",
    "is_list",
    "is_object",
    "is_unknown",
    "items",
    "mark",
    "part",
    "reveal",
    "secret_paths",
    "serve",
]
