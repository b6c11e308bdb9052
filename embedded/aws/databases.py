"""The PostgreSQL servers of the account's RDS: real ones on this machine, each in the network of a cluster.

A server has an address of its VPC, which the pods of the cluster there reach and nothing else does, and a certificate
of the account's authority. The cluster's daemon supervises it (postgresql.py), so that it never outlives the network.
"""

import shutil
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from secrets import token_hex
from sys import executable

from embedded.cluster import Cluster
from embedded.cluster.network import split
from modules.core.errors import UserError

from . import postgresql
from .clusters import Clusters

START_SECONDS = 600
"""For the cluster of its network and for the server itself, on a slow machine."""
PAUSE = 0.5
RESERVED = 10
"""Addresses at the beginning of a subnet that no server gets: AWS keeps some of them too."""


@dataclass(frozen=True, kw_only=True)
class Database:
    """What is asked for."""

    name: str
    """The instance's identifier."""
    region: str
    network: str
    """Range of its VPC."""
    subnet: str
    """Range of the subnet that it is in."""
    port: int
    administrator: str
    password: str
    database: str | None
    """One that is there from the start, beside postgres."""
    force_tls: bool
    parameters: Mapping[str, str]
    """Of PostgreSQL itself."""

    def __repr__(self) -> str:
        return f"Database(name={self.name!r}, subnet={self.subnet!r})"


@dataclass(frozen=True)
class Running:
    cluster: Cluster
    folder: Path
    address: IPv4Address


class Databases:
    """Those of one account, by the names that they have in the VPCs of its clusters."""

    def __init__(self, clusters: Clusters) -> None:
        self.clusters, self.machine = clusters, clusters.machine
        self._running: dict[str, Running] = {}
        self._lock = threading.Lock()

    def begin(self, arn: str, requested: Database, done: Callable[[str], None]) -> str | None:
        """Start a server in the background. Return the host name that it will have; None where its VPC has no cluster,
        and so nobody who could connect. done: called at the end, with the reason where it does not run, or nothing.

        UserError where it can't be started at all."""
        cluster = self.clusters.in_network(requested.network)
        if cluster is None:
            return None
        postgresql.programs()
        with self._lock:
            taken = {running.address for running in self._running.values()}
            address = free_address(requested.network, requested.subnet, taken)
            folder = self.machine.databases / f"{cluster.name}-{requested.name}-{token_hex(2)}"
            running = Running(cluster, folder, address)
            self._running[arn] = running
        host = host_name(requested.name, address, requested.region)

        def start() -> None:
            try:
                self._start(arn, requested, running, host)
            except Exception as error:  # whatever it is, whoever waits for the server is given the reason
                done(str(error) or type(error).__name__)
                if not self._is_there(arn, running):  # `end` came while its folder was being filled
                    shutil.rmtree(running.folder, ignore_errors=True)
            else:
                done("")

        threading.Thread(target=start, daemon=True).start()
        return host

    def _start(self, arn: str, requested: Database, running: Running, host: str) -> None:
        deadline = time.monotonic() + START_SECONDS
        certificate, key = self.machine.sign(host)
        postgresql.create(
            running.folder,
            server=postgresql.Server(
                cluster=str(running.cluster.layout.root),
                address=str(running.address),
                port=requested.port,
                force_tls=requested.force_tls,
                parameters=requested.parameters,
            ),
            administrator=requested.administrator,
            password=requested.password,
            database=requested.database,
            certificate=certificate,
            key=key,
        )
        while running.cluster.status().state != "ready":
            self._wait(
                arn, running, deadline, f"cluster {running.cluster.name}, in whose network it would be, is not ready"
            )
        self._supervise(running.cluster)
        while not postgresql.answers(running.cluster.layout, str(running.address), requested.port):
            log = running.cluster.layout.logs / f"{process_name(running)}.log"
            self._wait(arn, running, deadline, f"it does not answer: see {log}")

    def _wait(self, arn: str, running: Running, deadline: float, reason: str) -> None:
        if not self._is_there(arn, running):
            raise UserError("it was deleted while it started")
        if time.monotonic() > deadline:
            raise UserError(f"after {START_SECONDS} s {reason}")
        time.sleep(PAUSE)

    def _is_there(self, arn: str, running: Running) -> bool:
        with self._lock:
            return self._running.get(arn) is running

    def end(self, arn: str) -> None:
        """End a server, with its data. Nothing happens where it is a record alone."""
        with self._lock:
            running = self._running.pop(arn, None)
        if running is None:
            return
        if running.cluster.running:
            postgresql.interrupt(running.folder)
            self._supervise(running.cluster)
        shutil.rmtree(running.folder, ignore_errors=True)

    def _supervise(self, cluster: Cluster) -> None:
        with self._lock:
            mine = [each for each in self._running.values() if each.cluster is cluster]
            commands = {
                process_name(each): command(each.folder) for each in mine if (each.folder / "server.json").exists()
            }
            cluster.supervise(commands)


def command(folder: Path) -> Sequence[str]:
    return [executable, "-I", "-m", "embedded.aws.postgresql", str(folder)]


def process_name(running: Running) -> str:
    return f"rds-{running.folder.name}"


def host_name(name: str, address: IPv4Address, region: str) -> str:
    """Return the name of a server, which carries its address: see DATABASE_NAMES. Pure."""
    return f"{name}.c{str(address).replace('.', '-')}.{region}.rds.amazonaws.com"


def free_address(network: str, subnet: str, taken: set[IPv4Address]) -> IPv4Address:
    """Return an address of a subnet that no other server has. UserError where it is in a part of the network that a
    cluster on this machine uses itself. Pure."""
    parts, whole = split(network), IPv4Network(subnet)
    for used in (parts.pods, parts.services, parts.link):
        if used.overlaps(whole):
            raise UserError(f"subnet {subnet} overlaps {used}, which the cluster in {network} uses on this machine")
    for number in range(RESERVED, whole.num_addresses - 1):
        if whole[number] not in taken:
            return whole[number]
    raise UserError(f"subnet {subnet} has no free address")
