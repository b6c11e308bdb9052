"""The emulated account of a stack: its server, and who deploys there."""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

from embedded.cluster.status import alone
from modules.core.errors import UserError
from scripts.cli.clients import aws
from scripts.cli.clients.backend import Backend
from scripts.cli.environment import Environment
from scripts.cli.files import replace
from scripts.cli.lifecycle import host
from scripts.cli.steps import Progress

SESSION = "groundwork"
PACKAGES = {**host.NEEDED, "pg_ctlcluster": "postgresql", "psql": "postgresql-client"}
"""Debian package by the program that it is needed for: databases are real ones, too."""
KEYS = ("AccessKeyId", "SecretAccessKey", "SessionToken")


def start(environment: Environment, progress: Progress) -> None:
    """Start the account where it does not run: an empty one, without what the state says of the one before. Have in it
    who gets into the cluster, and log in as who deploys. Another command that does so at the same time waits: what the
    first one has deployed by then is no state of an account that has ended."""
    from embedded.aws import command  # brings the engine's SDK along

    server = environment.account_server
    with alone(environment.backend):
        if server.address is None:
            forget(environment, progress)
        server.start(progress)
        command.install(environment.account_command, Path(sys.executable))
        log_in(environment)


def check_choice(environment: Environment, *, emulated: bool) -> None:
    """Raise UserError where a stack's account of AWS can't be emulated here, or not be, as it is the other way now."""
    stack = environment.stack
    if emulated == environment.emulated:
        return
    if not emulated:
        raise UserError(
            f"stack {stack}: its account of AWS is emulated on this machine: run `scripts/up {stack} --emulated`, or "
            f"end that account first (`scripts/down {stack}`)"
        )
    if environment.settings.aws is None:
        target = environment.settings.foundation.target
        raise UserError(
            f"--emulated: groundwork:foundation.target is {target!r} in stacks/Pulumi.{stack}.yaml, and accounts are "
            "emulated for target 'aws' alone: leave the option out"
        )
    if Backend(environment).resources():
        raise UserError(
            f"--emulated: stack {stack} is on an account of AWS itself: give one on an emulated account another name"
        )


def forget(environment: Environment, progress: Progress) -> None:
    """Remove the state of an account that has ended: all that it names went with it. UserError where another command
    still writes that state, which would come back with it."""
    if holders := Backend(environment).remove_dead_locks():
        raise UserError(
            f"another run works on stack {environment.stack} (process {holders[0]}), whose emulated account has ended: "
            "run this again once that process has ended"
        )
    checkpoints = environment.backend / ".pulumi"
    if checkpoints.exists():
        progress("the emulated account of before has ended, with all that was in it: its state goes too")
        shutil.rmtree(checkpoints)
    environment.kubeconfig.unlink(missing_ok=True)


def deployer(environment: Environment) -> str:
    """Return the ARN of the administrator as whom the commands work. UserError where none is of the account."""
    given = aws.settings_of(environment)
    found = next((arn for arn in given.cluster.administrators if arn.split(":")[4] == given.account), None)
    if found is None:
        raise UserError(
            f"groundwork:foundation.cluster.administrators is {given.cluster.administrators}: none is of account "
            f"{given.account}, in which they are made where it is emulated: name a role of it"
        )
    return found


def log_in(environment: Environment) -> None:
    """Make the administrators and viewers of the cluster in the account, and write the keys of who deploys."""
    import boto3

    given, first = aws.settings_of(environment), deployer(environment)
    library: Any = boto3  # generates its clients at run time: nothing to check types against
    address = environment.account_server.address
    root: Any = library.Session(aws_access_key_id="root", aws_secret_access_key="root", region_name=given.region)
    iam = root.client("iam", endpoint_url=address)
    for arn in (*given.cluster.administrators, *given.cluster.viewers):
        if arn.split(":")[4] == given.account:
            ensure_principal(iam, arn)
    name = first.rpartition("/")[2]
    if ":user/" in first:
        keys = new_key(iam, name)
    else:
        sts = root.client("sts", endpoint_url=address)
        keys: dict[str, str] = sts.assume_role(RoleArn=first, RoleSessionName=SESSION)["Credentials"]
    replace(environment.account_credentials, credentials_file(keys))


def new_key(iam: Any, user: str) -> dict[str, str]:
    """Return another key of a user, who has two at most: the one of the last login stays, what is older goes."""
    known: list[dict[str, str]] = iam.list_access_keys(UserName=user)["AccessKeyMetadata"]
    for old in known[:-1]:
        iam.delete_access_key(UserName=user, AccessKeyId=old["AccessKeyId"])
    return iam.create_access_key(UserName=user)["AccessKey"]


def ensure_principal(iam: Any, arn: str) -> None:
    """Make a user, or a role that anybody of the account may assume, where it is not there."""
    kind, _, whole = arn.partition(":iam::")[2].partition(":")[2].partition("/")
    path, _, name = whole.rpartition("/")
    at = {"Path": f"/{path}/" if path else "/"}
    try:
        if kind == "user":
            iam.create_user(UserName=name, **at)
            return
        trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": arn.split(":")[4]}}
        document = {"Version": "2012-10-17", "Statement": [trust]}
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(document), **at)
    except iam.exceptions.EntityAlreadyExistsException:
        return


def credentials_file(keys: dict[str, str]) -> str:
    """Return an AWS shared credentials file of keys, as IAM or STS hands them out. Secret. Pure."""
    names = {"AccessKeyId": "aws_access_key_id", "SecretAccessKey": "aws_secret_access_key"}
    lines = [f"{names.get(key, 'aws_session_token')} = {keys[key]}" for key in KEYS if key in keys]
    return "\n".join(["[default]", *lines, ""])
