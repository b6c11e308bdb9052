"""The account of AWS that a stack is on, real or emulated: its calls, its registry, its cluster's kubeconfig."""

import base64
import os
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from modules.core.contracts import Registry
from modules.core.errors import UserError
from modules.registry.access import RegistryAccess
from modules.registry.ecr import ecr_registry
from modules.registry.logins import Login
from scripts.cli.environment import Environment
from scripts.cli.files import replace
from stacks.foundation.aws_kubeconfig import kubeconfig
from stacks.foundation.aws_settings import AwsSettings

_lock = threading.Lock()


def settings_of(environment: Environment) -> AwsSettings:
    """Return what the stack's file says of the account. For a stack that is on one."""
    given = environment.settings.aws
    assert given is not None
    return given


def require_account(environment: Environment) -> None:
    """Raise UserError where the stack's account is an emulated one that has ended."""
    if environment.emulated and environment.account_server.address is None:
        raise UserError(
            f"stack {environment.stack}: its emulated account has ended, with all that was in it: run "
            f"`scripts/up {environment.stack} --emulated`, which makes all anew"
        )


def client(environment: Environment, service: str) -> Any:
    """Return a boto3 client of the stack's account, as who deploys. Raise UserError where nobody is logged in, or an
    emulated account has ended."""
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError

    require_account(environment)
    region = settings_of(environment).region
    config = Config(proxies={}) if environment.emulated else None
    library: Any = boto3  # generates its clients at run time: nothing to check types against
    try:
        with _variables(environment):
            session = library.Session(region_name=region)
            if session.get_credentials() is None:
                raise UserError(
                    f"stack {environment.stack}: no credentials of AWS: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and "
                    "AWS_SECRET_ACCESS_KEY"
                )
            return session.client(service, config=config)
    except BotoCoreError as error:
        raise UserError(f"stack {environment.stack}: the credentials of AWS can't be used: {error}") from None


def call(environment: Environment, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
    """Return what an operation answers. Raise UserError where AWS says no, or does not answer."""
    from botocore.exceptions import BotoCoreError, ClientError

    asked = client(environment, service)
    try:
        return getattr(asked, operation)(**parameters)
    except (BotoCoreError, ClientError) as error:
        raise UserError(f"stack {environment.stack}: AWS, asked for {service} {operation}: {error}") from None


def caller(environment: Environment) -> tuple[str, str]:
    """Return the account's number and the ARN of who deploys."""
    found = call(environment, "sts", "get_caller_identity")
    return found["Account"], found["Arn"]


def registry_of(environment: Environment) -> tuple[Registry, RegistryAccess]:
    """Return the registry of a stack's images, and how this machine comes to it: with ECR's login of twelve hours."""
    contract = ecr_registry(environment.stack, settings_of(environment).aws_account)
    (given,) = call(environment, "ecr", "get_authorization_token")["authorizationData"]
    username, _, password = base64.b64decode(given["authorizationToken"]).decode().partition(":")
    host = given["proxyEndpoint"].removeprefix("https://")
    registry = Registry(push=f"{host}/{contract.pull.partition('/')[2]}", pull=contract.pull)
    login = Login(username=username, password=password, source="ecr get-authorization-token")
    if environment.emulated:
        ca = environment.account_server.machine.ca
        return registry, RegistryAccess(ca=ca, own=True, login=login, advice=f"`scripts/up {environment.stack}`")
    return registry, RegistryAccess(login=login, advice="who deploys must be allowed ecr:GetAuthorizationToken")


def write_kubeconfig(environment: Environment) -> bool:
    """Write how the cluster is entered, without a token. Return whether there is one that can be entered."""
    from botocore.exceptions import ClientError

    try:
        found: dict[str, Any] = client(environment, "eks").describe_cluster(name=environment.cluster_name)["cluster"]
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") != "ResourceNotFoundException":
            raise UserError(f"stack {environment.stack}: AWS, asked for its cluster: {error}") from None
        return False
    if found["status"] not in {"ACTIVE", "UPDATING"}:
        return False
    authority, region = found["certificateAuthority"]["data"], settings_of(environment).region
    replace(environment.kubeconfig, kubeconfig(environment.cluster_name, found["endpoint"], authority, region))
    return True


@contextmanager
def _variables(environment: Environment) -> Generator[None]:
    """boto3 reads them where they are a process's own, from which `claim` took a person's away."""
    wanted = {name: value for name, value in environment.process_environment().items() if name.startswith("AWS_")}
    with _lock:
        before = {name: os.environ.get(name) for name in wanted}
        os.environ.update(wanted)
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value
