"""The account of AWS that a stack is on, real or emulated: its calls, its registry, its cluster's kubeconfig."""

import base64
import os
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

from modules.core.contracts import Registry
from modules.core.errors import UserError
from modules.registry.access import RegistryAccess
from modules.registry.ecr import ecr_registry
from modules.registry.logins import Login
from scripts.cli import shell
from scripts.cli.environment import Environment
from scripts.cli.files import replace
from stacks.foundation.aws_kubeconfig import kubeconfig
from stacks.foundation.aws_settings import AwsSettings

ATTEMPTS = 12
"""Of a call that AWS throttles, with growing pauses."""
_lock = threading.Lock()
"""Of this process's variables, while boto3 reads them."""


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


class RefusedError(UserError):
    """AWS says no, or does not answer: the code of its error and its message."""


class Account:
    """One region of the account that a stack is on, asked as who deploys there.

    region: of a stack whose file is gone: a person's own variables (AWS_PROFILE ...) then say whose account is asked,
    and where it answers. None: as the stack's file says."""

    def __init__(self, environment: Environment, region: str | None = None) -> None:
        self.environment, self.without_file = environment, region is not None
        self.region = region or settings_of(environment).region
        self._session: Any = None
        self._clients: dict[str, Any] = {}
        self._number = ""

    def call(self, service: str, operation: str, /, **parameters: Any) -> dict[str, Any]:
        """Return what an operation answers, of all pages together. Raise RefusedError, or UserError where nobody is
        logged in or an emulated account has ended."""
        from botocore.exceptions import BotoCoreError, ClientError

        asked = self.client(service)
        try:
            if asked.can_paginate(operation):
                return dict(asked.get_paginator(operation).paginate(**parameters).build_full_result())
            return dict(getattr(asked, operation)(**parameters))
        except ClientError as error:
            answer: Any = error.response
            raise RefusedError(f"{answer['Error'].get('Code')}: {answer['Error'].get('Message')}") from None
        except BotoCoreError as error:
            raise RefusedError(str(error)) from None

    @property
    def number(self) -> str:
        """Of the account that the credentials are of."""
        try:
            self._number = self._number or self.call("sts", "get_caller_identity")["Account"]
        except RefusedError as error:
            raise UserError(
                f"stack {self.environment.stack}: AWS does not say whose credentials these are: {error}. Choose others "
                "(AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY)"
            ) from None
        return self._number

    @property
    def is_emulated(self) -> bool:
        return not self.without_file and self.environment.emulated

    def client(self, service: str) -> Any:
        """Return a boto3 client, made once."""
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError, ClientError

        if self.is_emulated:
            require_account(self.environment)
        direct = {"proxies": dict[str, str]()} if self.is_emulated else {}
        retries: Any = {"mode": "standard", "total_max_attempts": ATTEMPTS}
        with _lock:
            if service not in self._clients:
                config = Config(retries=retries, connect_timeout=5, read_timeout=30, **direct)
                try:
                    with _variables(shell.given if self.without_file else self.environment.process_environment()):
                        self._session = self._session or self._logged_in()
                        self._clients[service] = self._session.client(service, config=config)
                except (BotoCoreError, ClientError) as error:
                    raise UserError(
                        f"stack {self.environment.stack}: the credentials of AWS can't be used: {error}: choose others "
                        "(AWS_PROFILE), or log in anew"
                    ) from None
            return self._clients[service]

    def _logged_in(self) -> Any:
        """A session of boto3. Who assumes a role does so once."""
        import boto3

        library: Any = boto3  # generates its clients at run time: nothing to check types against
        session = library.Session(region_name=self.region)
        credentials = session.get_credentials()
        if credentials is None:
            advice = "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            if self.is_emulated:
                advice = f"run `scripts/up {self.environment.stack} --emulated`, which logs in there"
            raise UserError(f"stack {self.environment.stack}: no credentials of AWS: {advice}")
        credentials.get_frozen_credentials()  # asked for now, while the variables say how
        return session


def call(environment: Environment, service: str, operation: str, /, **parameters: Any) -> dict[str, Any]:
    """Return what an operation answers. Raise UserError where AWS says no, or does not answer."""
    try:
        return Account(environment).call(service, operation, **parameters)
    except RefusedError as error:
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
    try:
        found = Account(environment).call("eks", "describe_cluster", name=environment.cluster_name)["cluster"]
    except RefusedError as error:
        if not str(error).startswith("ResourceNotFoundException:"):
            raise UserError(f"stack {environment.stack}: AWS, asked for its cluster: {error}") from None
        return False
    if found["status"] not in {"ACTIVE", "UPDATING"}:
        return False
    authority, region = found["certificateAuthority"]["data"], settings_of(environment).region
    replace(environment.kubeconfig, kubeconfig(environment.cluster_name, found["endpoint"], authority, region))
    return True


@contextmanager
def _variables(given: Mapping[str, str]) -> Generator[None]:
    """boto3 reads them where they are a process's own, from which `claim` took a person's away."""
    own = {name: value for name, value in given.items() if name.startswith("AWS_")}
    before = {name: os.environ.get(name) for name in own}
    os.environ.update(own)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
