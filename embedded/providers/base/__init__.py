"""What the provider stand-ins share: values, errors, and the gRPC server that the engine talks to."""

from .errors import CheckFailure, ProviderError, UnfinishedError
from .provider import Change, Checked, Created, Diff, Provider, ReadResult, Resource
from .server import serve
from .values import UNKNOWN, Object, Secret, has_unknown, reveal

__all__ = [
    "UNKNOWN",
    "Change",
    "CheckFailure",
    "Checked",
    "Created",
    "Diff",
    "Object",
    "Provider",
    "ProviderError",
    "ReadResult",
    "Resource",
    "Secret",
    "UnfinishedError",
    "has_unknown",
    "reveal",
    "serve",
]
