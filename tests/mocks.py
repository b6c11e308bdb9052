"""The engine's mocks: what programs and components declare, as the engine would see it."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import pulumi
import pytest
from pulumi.runtime.mocks import MockMonitor
from pulumi.runtime.proto import source_pb2

from policies.pods import Pod, pods

GENERATED: dict[str, dict[str, str]] = {
    "aws": {"arn": "arn:aws:any:::it", "keyId": "key", "url": "https://queue"},
    "random": {
        "result": "generated" * 5,
        "hex": "0" * 64,
        "base64": "generated",
        "bcryptHash": "$2b$10$generated",
    },
    "tls": {
        "privateKeyPem": "generated",
        "publicKeyPem": "public",
        "certRequestPem": "request",
        "certPem": "certificate",
    },
}
"""Outputs of providers that make something, by package."""
GENERATED_BY_TYPE: dict[str, dict[str, Any]] = {
    "aws:eks/cluster:Cluster": {
        "endpoint": "https://cluster.example",
        "certificateAuthority": {"data": "Y2VydGlmaWNhdGU="},
        "vpcConfig": {"clusterSecurityGroupId": "sg-cluster", "subnetIds": []},
        "identities": [{"oidcs": [{"issuer": "https://oidc.example/id/1"}]}],
    },
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": {
        "arn": "arn:aws:iam::123456789012:oidc-provider/oidc.example/id/1"
    },
    "aws:iam/role:Role": {"arn": "arn:aws:iam::123456789012:role/it"},
    "aws:rds/instance:Instance": {
        "address": "db.example",
        "masterUserSecrets": [{"secretArn": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:rds!db-1"}],
    },
    "aws:ecr/repository:Repository": {"repositoryUrl": "registry.example/image"},
}
"""Of single types, beside those of their package."""
ANSWERS: dict[str, dict[str, Any]] = {
    "aws:secretsmanager/getSecretVersion:getSecretVersion": {
        "secretString": '{"username": "groundwork", "password": "made-by-rds"}'
    }
}
"""What the only functions that programs call return."""
# Where in a program each resource is declared: a fifth of all the time, and nothing here reads it.
pytest.MonkeyPatch().setattr("pulumi.runtime.resource._get_stack_trace", source_pb2.StackTrace)
Objects = dict[tuple[str, str], dict[str, Any]]


@dataclass(frozen=True)
class Declared:
    """One resource: its type token, its name in the program, its inputs."""

    type: str
    name: str
    inputs: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.type} {self.name}"

    @property
    def is_object(self) -> bool:
        """Whether it is an object of the cluster."""
        return self.type.startswith("kubernetes:")

    def pods(self) -> list[Pod]:
        """The pods that the object makes."""
        return pods(self.type, self.inputs)

    def pod_specs(self) -> list[Mapping[str, Any]]:
        return [pod.spec for pod in self.pods()]

    def containers(self) -> list[Mapping[str, Any]]:
        return [container for pod in self.pods() for container in pod.containers()]


class Recorder(pulumi.runtime.Mocks):
    """Remembers what is declared, in its order."""

    def __init__(self, *, preview: bool = False) -> None:
        self.declared: list[Declared] = []
        self.preview = preview
        """Whether the engine asks what would be made."""

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        inputs = cast(dict[str, Any], args.inputs)
        self.declared.append(Declared(args.typ, args.name, inputs))
        package = args.typ.partition(":")[0]
        return args.name, {**inputs, **GENERATED.get(package, {}), **GENERATED_BY_TYPE.get(args.typ, {})}

    def call(self, args: pulumi.runtime.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]]]:
        assert args.token in ANSWERS, f"nothing else is looked up: {args.token}"
        return ANSWERS[args.token], []

    @property
    def objects(self) -> Objects:
        """Inputs of the cluster's objects by kind and name in the program."""
        return {(each.type.rpartition(":")[2], each.name): each.inputs for each in self.declared if each.is_object}


class Monitor(MockMonitor):
    """Remembers what the mocks don't see."""

    def __init__(self, mocks: pulumi.runtime.Mocks) -> None:
        super().__init__(mocks)
        self.protected: set[str] = set()
        """Names in the program."""
        self.retained: set[str] = set()
        """Names in the program of what stays when the engine forgets it."""
        self.ignored: dict[str, list[str]] = {}
        """Paths of inputs whose changes are ignored, by name in the program."""
        self.parents: dict[str, str] = {}
        """Type token of the parent by the resource's own and its name; empty where it has none."""
        self.providers: dict[str, str] = {}
        """Provider by the resource's type token and name."""
        self.before: dict[str, set[str]] = {}
        """Type tokens and names of what it depends on itself, its provider and those of its children among them, by its
        own."""
        self.complete: set[str] = set()
        """Type token and name of those that registered their outputs: they declare no further child."""

    def RegisterResource(self, request: Any) -> Any:
        resource = f"{request.type} {request.name}"
        if request.protect:
            self.protected.add(request.name)
        if request.retainOnDelete:
            self.retained.add(request.name)
        if request.ignoreChanges:
            self.ignored[request.name] = list(request.ignoreChanges)
        self.parents[resource] = _type_of(request.parent) if request.parent else ""
        self.providers[resource] = request.provider
        providers = [each.rpartition("::")[0] for each in (request.provider, *request.providers.values()) if each]
        self.before[resource] = {
            f"{_type_of(urn)} {urn.rpartition('::')[2]}" for urn in [*request.dependencies, *providers]
        }
        return super().RegisterResource(request)

    def all_before(self, resource: str) -> set[str]:
        """Return all that is made before a resource, and deleted after it."""
        found: set[str] = set()
        waiting = [resource]
        while waiting:
            new = self.before.get(waiting.pop(), set()) - found
            found |= new
            waiting += new
        return found

    def RegisterResourceOutputs(self, request: Any) -> Any:
        self.complete.add(f"{_type_of(request.urn)} {request.urn.rpartition('::')[2]}")
        return super().RegisterResourceOutputs(request)


def _type_of(urn: str) -> str:
    """The type token, without those of the parents."""
    return urn.split("::")[2].rpartition("$")[2]


def set_mocks(recorder: Recorder, monitor: Monitor | None = None) -> None:
    """Let what is declared from here on go to the mocks, also after a test that called asyncio.run."""
    try:
        asyncio.get_event_loop()
    except RuntimeError:  # asyncio.run leaves its thread without the loop that Pulumi's SDK asks for
        asyncio.set_event_loop(asyncio.new_event_loop())
    pulumi.runtime.set_mocks(recorder, project="groundwork", stack="local", monitor=monitor, preview=recorder.preview)


def declare(program: Callable[[], object], recorder: Recorder | None = None) -> tuple[Recorder, Monitor]:
    """Run a program with mocks to its end, which is that of the output that it returns too; return what it declared."""
    recorder = recorder or Recorder()
    monitor = Monitor(recorder)
    set_mocks(recorder, monitor)
    pulumi.runtime.test(program)()
    return recorder, monitor


def namespaces_with(objects: Objects, secret: str) -> set[str]:
    """Namespaces that have a Secret of that name."""
    return {
        inputs["metadata"]["namespace"]
        for (kind, _), inputs in objects.items()
        if kind == "Secret" and inputs["metadata"]["name"] == secret
    }
