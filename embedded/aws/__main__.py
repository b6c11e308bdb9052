"""`python -m embedded.aws [PORT]`: serve the account on 127.0.0.1 until a signal ends it; its port goes to standard
output. Without PORT, or with 0, the system chooses one.

With --machine, each cluster of EKS is a Kubernetes on this machine, and a PostgreSQL of RDS in its network a real one
(root). Its pods have name servers and volumes by EKS's add-ons, and reach the account by AWS's own names with the
rights of their service account's role. They end with the server, of which there is
one for a folder.
"""

import argparse
import json
import os
import signal
import sys
from pathlib import Path

from embedded.cluster.status import take_lock

# moto reads it as it is imported. Without it, every policy that AWS manages is refused.
os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"

from .clusters import Clusters, Machine
from .server import make
from .times import take


def main() -> None:
    options = arguments()
    clusters = clusters_of(options)
    if clusters:
        lock_alone(clusters.machine)
        clusters.destroy_all()
    if options.times:
        take(json.loads(options.times.read_text()))
    server = make(options.port, clusters, json.loads(options.prices.read_text()) if options.prices else {})

    def end(*_: object) -> None:
        if clusters:
            clusters.destroy_all()
        os._exit(0)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    print(server.port, flush=True)
    server.serve_forever()


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m embedded.aws")
    parser.add_argument("port", type=int, nargs="?", default=0)
    parser.add_argument("--machine", type=Path, help="folder of the data of clusters and databases: it is emptied")
    parser.add_argument("--tools", type=Path, help="folder of the binaries of a cluster")
    parser.add_argument("--registry", type=Path, help="storage of the clusters' image registries")
    parser.add_argument("--prices", type=Path, help="JSON: what an hour of each instance type costs, in US dollars")
    parser.add_argument("--times", type=Path, help="JSON: seconds until a call is answered, as {eks:CreateCluster: 6}")
    options = parser.parse_args()
    if options.machine and not (options.tools and options.registry):
        parser.error("--machine needs --tools and --registry")
    return options


def lock_alone(machine: Machine) -> None:
    """End here where another server has the folder: it would lose its clusters."""
    machine.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if take_lock(machine.lock) is None:
        sys.exit(f"{machine.folder}: another server has its clusters there")


def clusters_of(options: argparse.Namespace) -> Clusters | None:
    if not options.machine:
        return None
    machine = Machine(
        folder=options.machine.absolute(), tools=options.tools.absolute(), registry=options.registry.absolute()
    )
    return Clusters(machine)


main()
