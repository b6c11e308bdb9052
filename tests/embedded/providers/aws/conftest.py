"""An account, and a program on it."""

import os
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from embedded.providers.install import install_emulations
from tests.processes import serving

from ..project import Project

REGION = "us-east-1"


@pytest.fixture(scope="session")
def account() -> Iterator[str]:
    """The address of a server of its own; what a test makes, it deletes."""
    with serving("-I", "-m", "embedded.aws") as (address,):
        yield address


@pytest.fixture(scope="session")
def aws(account: str) -> Callable[[str], Any]:
    """Plain boto3 clients of the account, which know nothing of the provider."""
    return clients(account)


def clients(address: str, region: str = REGION) -> Callable[[str], Any]:
    import boto3

    session: Any = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=region)

    @cache
    def client(service: str) -> Any:
        return session.client(service, endpoint_url=address)

    return client


@pytest.fixture
def cloud(tmp_path: Path, toolchain: Path, account: str) -> Project:
    """A project whose plugin for AWS is the emulated provider."""
    made = Project(tmp_path, toolchain, kubeconfig="")
    install_emulations(tmp_path / "home", Path(sys.executable))
    made.environment |= {
        "AWS_ENDPOINT_URL": account,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_CONFIG_FILE": os.devnull,
    }
    made.write("")
    made.run("stack", "init", "dev")
    made.run("config", "set", "aws:region", REGION)
    return made
