"""The whole platform of an example, stacks/NAME.example.yaml, on whatever account answers. No cluster runs there: what
would be in it is written to files.

Configuration: `example`, its name; `foundation`, JSON: keys of the foundation, or `key.key` in a group of it, that
differ from the example's.
"""

import sys
from pathlib import Path
from typing import Any

import pulumi
import pulumi_kubernetes as k8s
import pytest

from modules.core.paths import REPOSITORY

sys.path.insert(0, str(REPOSITORY))
from stacks.compose import build
from stacks.configuration import parse
from stacks.foundation import aws
from tests.contracts.aws_platform import PEM, example
from tests.contracts.conftest import ENVIRONMENT, make_pins

HERE = Path.cwd()


def rendered(*_: object) -> k8s.Provider:
    return k8s.Provider("kubernetes", render_yaml_to_directory=str(HERE / "objects"))


given = pulumi.Config()
config = example(given.require("example"))
changed: dict[str, Any] = given.get_object("foundation") or {}
(HERE / "rds.pem").write_text(PEM)
for path, value in {"database.ca": str(HERE / "rds.pem"), **changed}.items():
    *groups, key = path.split(".")
    place = config["groundwork:foundation"]
    for group in groups:
        place = place.setdefault(group, {})
    place[key] = value
config["groundwork:protect_data"] = False  # the engine's own; that of AWS is the foundation's protection
make_pins(HERE, pytest.MonkeyPatch())
aws._kubernetes = rendered  # pyright: ignore[reportPrivateUsage]
for name, value in build(parse(config, source=given.require("example")), ENVIRONMENT).items():
    pulumi.export(name, value)
