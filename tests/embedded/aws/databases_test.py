"""Names, addresses and settings of the account's databases. tests/embedded/providers/aws/eks_test.py starts one."""

import os
import re
import time
from ipaddress import IPv4Address
from pathlib import Path
from queue import Queue

import pytest

from embedded.aws import postgresql
from embedded.aws.clusters import DATABASE_NAMES, Clusters, Machine
from embedded.aws.databases import Database, Databases, free_address, host_name
from embedded.aws.postgresql import Server, first_statements, own_parameters, settings, who_gets_in
from embedded.cluster import Cluster
from modules.core.errors import UserError
from tests.processes import running
from tests.scripts.cli.fakes import always, quiet

ADDRESS = IPv4Address("10.94.240.10")


def test_the_name_of_a_database_leads_to_its_address() -> None:
    name = host_name("groundwork-aws-dev", ADDRESS, "eu-west-1")
    assert name == "groundwork-aws-dev.c10-94-240-10.eu-west-1.rds.amazonaws.com"
    pattern, answer = DATABASE_NAMES
    found = re.fullmatch(pattern, f"{name}.")
    assert found
    assert ".".join(found.group(*"abcd")) == str(ADDRESS)
    assert answer == ".".join(f"{{{{ .Group.{part} }}}}" for part in "abcd")


def test_a_database_has_an_address_of_its_own_in_its_subnet() -> None:
    assert free_address("10.94.0.0/16", "10.94.240.0/24", set()) == ADDRESS
    assert free_address("10.94.0.0/16", "10.94.240.0/24", {ADDRESS}) == ADDRESS + 1


@pytest.mark.parametrize("subnet", ["10.94.0.0/20", "10.94.64.0/24", "10.94.255.0/24"])
def test_a_subnet_that_the_cluster_uses_itself_is_refused(subnet: str) -> None:
    with pytest.raises(UserError, match=re.escape(subnet)):
        free_address("10.94.0.0/16", subnet, set())


def test_administrators_are_no_superusers_and_own_the_first_databases() -> None:
    made = first_statements('o"dd', "it's", "first")
    assert """CREATE ROLE "o""dd" LOGIN CREATEDB CREATEROLE PASSWORD 'it''s'""" in made
    assert 'ALTER DATABASE template1 OWNER TO "o""dd"' in made
    assert made[-1] == 'CREATE DATABASE "first" OWNER "o""dd"'
    assert not [line for line in made if "SUPERUSER" in line]


def test_without_tls_nobody_gets_in_where_it_is_forced() -> None:
    assert who_gets_in(force_tls=True)[-1] == "hostssl all all all scram-sha-256"
    assert who_gets_in(force_tls=False)[-1] == "host all all all scram-sha-256"
    assert who_gets_in(force_tls=True)[0] == "host all rdsadmin all reject"


def test_parameters_of_a_group_are_set_but_for_those_of_rds_and_where_it_answers() -> None:
    given = {
        "rds.force_ssl": "1",
        "max_connections": "{DBInstanceClassMemory/9}",
        "ssl_min_protocol_version": "TLSv1.2",
        "port": "1",
    }
    server = Server(cluster="", address="10.94.240.10", port=5432, force_tls=True, parameters=own_parameters(given))
    found = settings(server)
    assert found["ssl_min_protocol_version"] == "TLSv1.2"
    assert found["port"] == "5432"
    assert found["listen_addresses"] == "10.94.240.10"
    assert not {"rds.force_ssl", "max_connections"} & found.keys()


def test_one_that_is_deleted_while_it_starts_is_given_up_and_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    machine = Machine(folder=tmp_path, tools=tmp_path, registry=tmp_path)
    network, arn = "10.94.0.0/16", "arn:aws:eks:eu-west-1:123456789012:cluster/dev"
    clusters = Clusters(machine)
    monkeypatch.setattr(Cluster, "start", quiet)
    clusters.begin(arn, network=network, subnets=["10.94.240.0/24"], issuer="https://issuer", done=quiet)
    monkeypatch.setattr(postgresql, "programs", always(tmp_path))
    asked = Database(
        name="dev",
        region="eu-west-1",
        network=network,
        subnet="10.94.240.0/24",
        port=5432,
        administrator="a",
        password="p",
        database=None,
        force_tls=True,
        parameters={},
    )
    databases, reasons = Databases(clusters), Queue[str]()

    def create(folder: Path, **_: object) -> None:
        databases.end("arn")
        (folder / "data").mkdir(parents=True)

    monkeypatch.setattr(postgresql, "create", create)
    assert databases.begin("arn", asked, reasons.put)
    assert reasons.get(timeout=30) == "it was deleted while it started"
    until = time.monotonic() + 30
    while list(machine.databases.iterdir()):
        assert time.monotonic() < until


def test_a_machine_without_postgresql_is_reported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(postgresql, "PROGRAMS", tmp_path)
    with pytest.raises(UserError, match="install Debian's package postgresql"):
        postgresql.programs()
    for version in ("9", "15"):
        folder = tmp_path / version / "bin"
        folder.mkdir(parents=True)
        (folder / "postgres").touch()
    assert postgresql.programs() == tmp_path / "15/bin"


@pytest.mark.skipif(os.geteuid() != 0 or not Path("/usr/bin/setpriv").exists(), reason="only root can be another user")
def test_what_a_server_says_of_its_number_ends_no_process_of_another_user(tmp_path: Path) -> None:
    number = tmp_path / "data/data/postmaster.pid"
    number.parent.mkdir(parents=True)
    with running(["sleep", "60"]) as other:
        number.write_text(f"{other.pid}\n")
        postgresql.interrupt(tmp_path)
        assert other.poll() is None
