"""The platform of stacks/aws-prod.example.yaml on whatever account answers. No cluster runs there: what would be in it
is written to files."""

import sys
from pathlib import Path

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


config = example("aws-prod")
(HERE / "rds.pem").write_text(PEM)
config["groundwork:foundation"]["database"]["ca"] = str(HERE / "rds.pem")
make_pins(HERE, pytest.MonkeyPatch())
aws._kubernetes = rendered  # pyright: ignore[reportPrivateUsage]
for name, value in build(parse(config, source="aws-prod"), ENVIRONMENT).items():
    pulumi.export(name, value)
