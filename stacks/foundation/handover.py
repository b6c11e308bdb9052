"""What a stack that makes a foundation hands over to the stack that deploys the services on it, as the output
`foundation`: the contracts, and where cluster, database and issuer of identities are. No secret is among it."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, cast

import pulumi
from pydantic import TypeAdapter, ValidationError

from modules.core.aws import AwsAccount, TokenIssuer
from modules.core.contracts import Cluster, Database, Entry, ObjectStore, Reach, Registry
from modules.core.errors import UserError
from modules.core.settings import PROJECT
from stacks.foundation.stack_settings import StackSettings

OUTPUT = "foundation"
VERSION = 1
"""Of what is handed over: another one whenever Handover, or a contract in it, changes."""
READ_OUTPUTS = "pulumi:pulumi:readStackOutputs"
"""The engine's function by which a StackReference reads. It fails where the program can still say what to do; a
StackReference to a stack that is not there ends the program."""
KEY = f"{PROJECT}:foundation.stack"


@dataclass(frozen=True, kw_only=True)
class ClusterAccess:
    """The way to a cluster's API; who may use it is another question."""

    endpoint: str
    ca: str
    """Base64 of the PEM file of the CA of its certificate."""


@dataclass(frozen=True, kw_only=True)
class DatabaseServer:
    """A server of RDS."""

    address: str
    password_secret: str
    """ARN of the secret in which RDS keeps the administrator's password; who reads it needs the right to."""
    ca: str
    """Content of the PEM file of RDS's authorities."""


@dataclass(frozen=True, kw_only=True)
class Handover:
    """A foundation without services."""

    version: int
    environment: str
    """By which all that was made is named."""
    services_stack: str
    """Name of the only stack that may deploy the services."""
    account: AwsAccount
    tags: Mapping[str, str]
    """Of everything that takes tags, beside its name; the owner is each stack's own."""
    cluster: Cluster
    access: ClusterAccess
    registry: Registry
    object_store: ObjectStore
    database: Database
    server: DatabaseServer
    issuer: TokenIssuer
    """Of the service accounts' tokens: the roles of consumers are made by who declares the consumers."""
    tokens: Reach
    """Where pods get tokens of the cloud."""
    entry: Entry


def document(handover: Handover) -> str:
    """Return what is handed over as JSON: an output that is a mapping would lose what is null."""
    return json.dumps(asdict(handover))


def read(given: StackSettings, stack: str) -> Handover:
    """Return what the foundation's stack handed over to a stack. Raise UserError where it did not."""
    name = given.stack if "/" in given.stack else f"{pulumi.get_organization()}/{PROJECT}/{given.stack}"
    try:
        found = pulumi.runtime.invoke(READ_OUTPUTS, {"name": name}).value
    except Exception as error:  # the SDK raises nothing narrower
        reason = str(error).rpartition("error: ")[2]
        raise UserError(
            f"{KEY} is {given.stack!r}, which can't be read: {reason}: `pulumi stack ls` lists the stacks of this "
            "backend; bring up the foundation's first"
        ) from error
    pulumi.StackReference(name)  # what the stack is on is seen in its state
    outputs = cast(Mapping[str, Any], found["outputs"] or {})
    return accept(outputs, cast(list[str], found.get("secretOutputNames") or []), given=given, stack=stack)


def accept(outputs: Mapping[str, Any], secrets: list[str], *, given: StackSettings, stack: str) -> Handover:
    """Return what is handed over by the outputs of the foundation's stack. secrets: names of those that are secret.
    Raise UserError where nothing is, or not to this stack by this version."""
    said = f"{KEY} is {given.stack!r}"
    if OUTPUT not in outputs or OUTPUT in secrets:
        raise UserError(
            f"{said}, which has no output {OUTPUT!r} that is not secret: set foundation.services_stack: {stack} in "
            "that stack, of target aws, and bring it up"
        )
    content = _content(outputs[OUTPUT])
    version = content.get("version")
    if version != VERSION:
        raise UserError(
            f"{said}, whose output {OUTPUT!r} is of version {version!r} of the contracts; this program reads "
            f"{VERSION}: bring up both stacks with the same version of Groundwork, the foundation's first"
        )
    try:
        handover = TypeAdapter(Handover).validate_python(content)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        raise UserError(
            f"{said}, whose output {OUTPUT!r} lacks or spoils {'.'.join(map(str, problem['loc']))} "
            f"({problem['msg']}): bring that stack up again, with this version of Groundwork"
        ) from error
    if handover.environment != given.environment(stack):
        raise UserError(
            f"{said}, which was brought up as environment {handover.environment!r}: a stack's environment has its "
            f"name: rename the stack back to {handover.environment!r}, or make a foundation of the new name"
        )
    if handover.services_stack != stack:
        raise UserError(
            f"{said}, whose foundation.services_stack is {handover.services_stack!r}: only that stack deploys services "
            f"on it: set it to {stack!r} there and bring it up, once {handover.services_stack!r} is taken down"
        )
    return handover


def _content(output: object) -> Mapping[str, Any]:
    try:
        content = json.loads(output) if isinstance(output, str) else output
    except ValueError:
        return {}
    return cast(Mapping[str, Any], content) if isinstance(content, Mapping) else {}
