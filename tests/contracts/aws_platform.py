"""The whole platform on an account of AWS, as the program declares it of the examples."""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from modules.core.labels import Labels
from modules.core.paths import REPOSITORY
from stacks.compose import Outputs, build
from stacks.foundation import deploy_foundation
from stacks.settings import PlatformSettings
from tests.mocks import Declared, Recorder

from .conftest import Platform, deploy

Program = Callable[[PlatformSettings, str], Outputs]
EXAMPLES = ("aws-dev", "aws-prod")
POOLS = "aws-prod with pools"
PEM = "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n"


def example(name: str) -> dict[str, Any]:
    return yaml.safe_load((REPOSITORY / "stacks" / f"{name}.example.yaml").read_text())["config"]


def foundation(settings: PlatformSettings, environment: str) -> Outputs:
    """The program without its services, which declare nothing in the account: a test says so."""
    labels = Labels(environment=environment, owner=settings.owner)
    return dict(deploy_foundation(settings, labels, settings.consumers()).outputs)


def declared(config: dict[str, Any], recorder: Recorder | None = None, program: Program = build) -> Platform:
    """What is declared of an environment, and its outputs."""
    with TemporaryDirectory() as folder:
        bundle = Path(folder, "rds.pem")
        bundle.write_text(PEM)
        config["groundwork:foundation"]["database"]["ca"] = str(bundle)
        return deploy(config, Path(folder), program=program, recorder=recorder)


def deployed(config: dict[str, Any]) -> Platform:
    """The same of the whole program, made once for all tests."""
    return _deployed(json.dumps(config))


@cache
def _deployed(config: str) -> Platform:
    return declared(json.loads(config))


def with_pools(name: str) -> dict[str, Any]:
    """An example with nodes that come when pods need them."""
    config = example(name)
    nodes: dict[str, Any] = config["groundwork:foundation"].setdefault("nodes", {})
    nodes["pools"] = {
        "system": {"purpose": "system", "shape": {"cpu": 8, "memory": "32Gi"}, "min": 3, "max": 9},
        "general": {"purpose": "general", "families": ["m7i"], "max": 10, "capacity": "spot-with-fallback"},
        "gpus": {"purpose": "training", "gpu": {"model": "h100", "count": 8}, "max": 2},
    }
    return config


def configuration(name: str) -> dict[str, Any]:
    return with_pools("aws-prod") if name == POOLS else example(name)


def of_kind(platform: Platform, kind: str) -> dict[str, dict[str, Any]]:
    return {each.name: each.inputs for each in platform.declared if each.type.rpartition(":")[2] == kind}


def in_aws(platform: Platform) -> list[Declared]:
    return [each for each in platform.declared if each.type.startswith("aws:")]


def as_sent(inputs: dict[str, Any]) -> dict[str, Any]:
    """Inputs with their numbers as programs write them, and a key that looks like one: the mocks have neither."""

    def number(text: str) -> float:
        value = float(text)
        return int(value) if value.is_integer() else value

    key = "arn:aws:kms:eu-west-1:123456789012:key/1"
    return json.loads(json.dumps(inputs).replace("arn:aws:any:::it", key), parse_float=number)
