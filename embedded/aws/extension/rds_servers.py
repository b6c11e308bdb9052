"""RDS: a PostgreSQL of the account is a real one where a cluster is in its VPC and the server was asked for that."""

import json
import secrets
from collections.abc import Mapping
from typing import Any

from moto.rds.exceptions import InvalidParameterCombination, InvalidParameterValue
from moto.rds.models import DBInstance, MasterUserSecret, RDSBackend

from embedded.aws.databases import Database, Databases
from embedded.aws.postgresql import own_parameters
from modules.core.errors import UserError

FORCE_TLS = "rds.force_ssl"
"""Parameter: whether who connects without TLS is refused. On by default since PostgreSQL 15."""
PASSWORDS, ROTATE = ("master_user_password", "manage_master_user_password"), "rotate_master_user_password"
PASSWORD_BYTES = 21
"""28 characters, as many as RDS generates."""

_databases: list[Databases] = []
"""At most one: those of this process's account."""


def load() -> None:
    plain: Any = DBInstance.address
    create, modify, delete = RDSBackend.create_db_instance, RDSBackend.modify_db_instance, RDSBackend.delete_db_instance

    def address(self: Any) -> str:
        return getattr(self, "host", None) or plain.fget(self)

    def create_db_instance(self: Any, db_kwargs: dict[str, Any]) -> Any:
        instance = create(self, db_kwargs)
        try:
            begin(self, instance)
        except UserError as error:
            delete(self, instance.db_instance_identifier, skip_final_snapshot=True)
            raise InvalidParameterValue(str(error)) from None
        return instance

    def modify_db_instance(self: Any, db_instance_identifier: str, db_kwargs: dict[str, Any]) -> Any:
        (instance,) = self.describe_db_instances(db_instance_identifier)
        asked = what_changes(instance, db_kwargs)
        anew = asked.get(ROTATE) or any(asked.get(name) is not None for name in PASSWORDS)
        if hasattr(instance, "host") and anew:
            raise InvalidParameterCombination(
                f"{db_instance_identifier} is a real PostgreSQL of the emulated account: its administrator's password "
                "does not change. Make the instance anew"
            )
        return modify(self, db_instance_identifier, asked)

    def delete_db_instance(self: Any, db_instance_identifier: str, *args: Any, **kwargs: Any) -> Any:
        instance = delete(self, db_instance_identifier, *args, **kwargs)
        if _databases:
            _databases[0].end(instance.arn)
        return instance

    DBInstance.address = property(address)  # pyright: ignore[reportAttributeAccessIssue]
    MasterUserSecret._generate_secret_string = generated_secret  # pyright: ignore[reportPrivateUsage]
    RDSBackend.create_db_instance = create_db_instance
    RDSBackend.modify_db_instance = modify_db_instance
    RDSBackend.delete_db_instance = delete_db_instance


def use(databases: Databases) -> None:
    """Make each PostgreSQL that is created from now on a real one. Once in a process."""
    _databases.append(databases)


def what_changes(instance: Any, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a modification asks for without what is so already of the administrator's password: moto would draw
    another one, AWS leaves it."""
    known: dict[str, Any] = instance.__dict__  # moto's own property of the password refuses to be read
    same = {name for name in PASSWORDS if asked.get(name) == known.get(f"_{name}", known.get(name))}
    return {name: value for name, value in asked.items() if name not in same}


def generated_secret(self: Any) -> str:
    """moto's own is the same everywhere, and for a user that nobody named."""
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    return json.dumps({"username": getattr(self.resource, "master_username", "admin"), "password": password})


def begin(backend: Any, instance: Any) -> None:
    """Start the server of an instance, which is available once it answers. Without a cluster in its VPC it is a
    record."""
    if not _databases or instance.engine != "postgres" or instance.db_cluster_identifier:
        return
    group = getattr(instance, "db_subnet_group", None)
    if group is None:
        return

    def done(reason: str) -> None:
        instance.status = "failed" if reason else "available"
        if reason:
            instance.status_infos = [{"StatusType": "server", "Normal": False, "Status": "error", "Message": reason}]

    instance.status = "creating"
    host = _databases[0].begin(instance.arn, _requested(backend, instance, group), done)
    if host is None:
        instance.status = "available"
    else:
        instance.host = host


def _requested(backend: Any, instance: Any, group: Any) -> Database:
    from moto.ec2.models import ec2_backends

    subnet = group._subnets[0]
    vpc = ec2_backends[backend.account_id][backend.region_name].get_vpc(subnet.vpc_id)
    named = backend.db_parameter_groups.get(instance.db_parameter_group_name or "")
    found: dict[str, Any] = dict(named.parameters) if named else {}
    parameters = {name: str(each["ParameterValue"]) for name, each in found.items() if "ParameterValue" in each}
    managed = instance.manage_master_user_password
    return Database(
        name=instance.db_instance_identifier,
        region=backend.region_name,
        network=vpc.cidr_block,
        subnet=subnet.cidr_block,
        port=int(instance.port),
        administrator=instance.master_username,
        password=json.loads(instance.master_user_secret.secret.secret_string)["password"]
        if managed
        else instance.master_user_password,
        database=instance.db_name,
        force_tls=parameters.get(FORCE_TLS, "1") != "0",
        parameters=own_parameters(parameters),
    )
