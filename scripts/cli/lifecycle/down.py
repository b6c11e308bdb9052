"""`groundwork down`: says which data goes, then destroys, stops and leaves nothing running."""

import shutil
import time
from pathlib import Path
from typing import Any

from embedded.cluster.host import require_root
from embedded.toolchain.build import remove_tree
from modules.core.errors import UserError
from modules.core.images import lock_file
from modules.core.paths import cache_home
from modules.core.releases import release_file
from modules.database.external_settings import role_name
from modules.registry import namespaces
from modules.storage.external_settings import prefixes
from scripts.cli.clients import engine, identity, kubectl
from scripts.cli.clients.backend import Backend
from scripts.cli.clients.pins import lock_of
from scripts.cli.environment import Environment
from scripts.cli.lifecycle.up import cluster_of, previous_releases, write_settings
from scripts.cli.output import confirm, console, plain_table
from scripts.cli.steps import Progress, Runner, Step, run_or_exit
from stacks.foundation.data_settings import WITH_DATABASE
from stacks.foundation.users import record_of

HOLDS_DATA = {
    "aws:s3/bucket:Bucket": "bucket",
    "aws:rds/instance:Instance": "database server",
    "aws:ecr/repository:Repository": "repository of images",
    "aws:eks/cluster:Cluster": "cluster, with the volumes of its pods",
}
"""Types of resources of AWS, for people."""


class Down:
    """The steps of `down` for one stack."""

    def __init__(self, environment: Environment, *, purge: bool) -> None:
        self.environment = environment
        self.cluster = cluster_of(environment) if environment.settings.foundation.publishes else None
        self.purge = purge
        self.log = cache_home() / "logs" / f"down-{environment.stack}-{time.strftime('%Y%m%d-%H%M%S')}.log"

    def data(self) -> list[tuple[str, str]]:
        """What is deleted: a name and what it is."""
        home = self.environment.home
        rows = [
            (volume.name, f"volume, {_size(volume)}") for volume in sorted((home / "cluster" / "volumes").glob("*"))
        ]
        if self.environment.settings.aws:
            rows = _of_account(Backend(self.environment).resources())
        elif self.answers():
            rows = [(_claim(claim), "volume") for claim in self.claims()]
        if count := len(Backend(self.environment).resources()):
            rows.append((f"stack {self.environment.stack}", f"Pulumi state of {count} resources"))
        if (home / "cluster").exists():
            rows.append((str(home / "cluster"), "the cluster: etcd, volumes, pulled images, certificates"))
        if self.environment.emulated:
            rows.append((str(self.environment.account), "the emulated account of AWS, with its clusters and databases"))
        rows += [(f"stacks/{path.name}", "pinned versions") for path in self._pins() if path.exists()]
        if self.purge:
            rows.append((str(cache_home()), "caches: toolchain, images, packages"))
        return rows

    def left(self) -> list[str]:
        """What somebody else's data services keep: nothing there is deleted."""
        settings, stack = self.environment.settings, self.environment.stack
        lines: list[str] = []
        if store := settings.external_store:
            buckets, below = store.buckets.by_role(), prefixes(stack)
            lines += [f"s3://{bucket}/{below[role]} at {store.host}" for role, bucket in buckets.items()]
        if (server := settings.external_database) and server.admin:
            names = [role_name(stack, name) for name in WITH_DATABASE]
            lines += [f"role and database {name} at {server.host}; {_drop(server.admin.role, name)}" for name in names]
        elif server:
            lines += [
                f"database {name} at {server.host}" for name in sorted({x.database for x in server.roles.values()})
            ]
        return lines

    def answers(self) -> bool:
        """Whether the cluster can be asked. One that somebody else runs is asked where something of ours is in it, and
        what it says, if it does not answer, ends the command."""
        return self.cluster.running if self.cluster else bool(Backend(self.environment).resources())

    def claims(self) -> list[dict[str, Any]]:
        if self.cluster:
            return kubectl.items(self.environment, "pvc", "-A")
        return kubectl.ours(self.environment, "pvc")

    def steps(self) -> list[Step]:
        steps = [Step(name="destroy", title="Platform (pulumi destroy)", run=self.destroy)]
        if self.cluster:
            steps.append(Step(name="cluster", title="Cluster", run=self.remove_cluster, needs=("destroy",)))
        if self.environment.emulated:
            steps.append(Step(name="account", title="Emulated account", run=self.remove_account, needs=("destroy",)))
        steps.append(Step(name="files", title="State and pins", run=self.remove_files, needs=(steps[-1].name,)))
        if self.purge:
            steps.append(Step(name="caches", title="Caches", run=self.remove_caches, needs=("files",)))
        return steps

    def destroy(self, progress: Progress) -> None:
        if not Backend(self.environment).resources():
            progress("nothing in the state")
            self.remove_rest()
            return
        if self.cluster:
            if not self.cluster.running:
                progress("the cluster is stopped: what it holds goes with it")
                return
            self.cluster.supervise({})  # nothing that releases anything while all of it goes
        if self.environment.emulated and self.environment.account_server.address is None:
            progress("the emulated account has ended, with all that was in it")
            return
        try:
            engine.unprotect(self.environment, progress)
            engine.destroy(self.environment, progress, self.log)
        except UserError as error:
            if self.environment.emulated and (pid := self.environment.account_server.pid):
                raise UserError(
                    f"{error}\nIf it fails again: `kill {pid}` ends the emulated account with all that is in it; then "
                    "run this again"
                ) from error
            raise
        self.remove_rest()

    def remove_rest(self) -> None:
        """What commands and Airflow started is in no state. It goes with the namespaces, where these are not the
        admin's own."""
        existing = self.environment.settings.existing
        if existing is None or existing.cluster_scope or not self.environment.cluster_identity.exists():
            return
        for namespace in self.environment.settings.namespaces(self.environment.stack):
            started = ("delete", "jobs,pods", "-n", namespace, "-l", kubectl.selector(self.environment))
            kubectl.run(self.environment, *started, "--ignore-not-found")

    def remove_cluster(self, progress: Progress) -> None:
        assert self.cluster is not None
        self.cluster.destroy()
        progress("no process, mount, namespace, link or port is left")

    def remove_account(self, progress: Progress) -> None:
        self.environment.account_server.remove()
        progress("no process, cluster, database or file of it is left")

    def remove_files(self, progress: Progress) -> None:
        """The passphrase stays: stacks/Pulumi.<stack>.yaml is encrypted with it, and is a person's own."""
        for path in (self.environment.backend, self.environment.pulumi_home, self.environment.home / "logs"):
            shutil.rmtree(path, ignore_errors=True)
        locks = [lock_of(self.environment.stack), *self.environment.home.glob("watch-*.lock")]
        environment = self.environment
        made = (
            environment.s3_credentials,
            environment.mlflow_credentials,
            environment.ca_certificate,
            environment.deployed_settings,
            environment.cluster_identity,
            *([environment.kubeconfig] if environment.settings.aws else []),
            record_of(environment.stack),
        )
        for path in (*self._pins(), *made, *locks):
            path.unlink(missing_ok=True)
        progress(f"kept: the passphrase in {self.environment.passphrase}")

    def remove_caches(self, progress: Progress) -> None:
        progress(f"removing {cache_home()}")
        namespaces.remove_tree(cache_home() / "containers")
        remove_tree(cache_home())

    def _pins(self) -> list[Path]:
        releases = release_file(self.environment.stack)
        return [lock_file(self.environment.stack), releases, previous_releases(releases)]


def run(stack: str, *, yes: bool, purge: bool) -> None:
    environment = Environment(stack)
    write_settings(environment)  # a stack's data may come from another checkout
    down = Down(environment, purge=purge)
    if down.cluster or environment.emulated:
        require_root()
    identity.check(environment)
    rows = down.data()
    _show(rows, down.left())
    if rows and not yes:
        confirm("down")
    run_or_exit(Runner(down.steps(), down.log), f"scripts/down {stack}")


def _show(rows: list[tuple[str, str]], left: list[str]) -> None:
    screen = console(stderr=True)
    if left:
        screen.print("This stays, as it is somebody else's to delete:", *left, sep="\n  ", highlight=False)
    if not rows:
        screen.print("There is no data to delete.")
        return
    table = plain_table("this is deleted for good", "what it is")
    for row in rows:
        table.add_row(*row)
    screen.print(table)


def _of_account(resources: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """What holds data in an account of AWS, as the state has it. Pure."""
    return [(str(each["id"]), kind) for each in resources if (kind := HOLDS_DATA.get(each["type"]))]


def _drop(administrator: str, name: str) -> str:
    """How what the administrator's Job made is dropped; psql sends each statement alone, as the first must be."""
    return f'in psql, {administrator} drops them by: DROP DATABASE IF EXISTS "{name}"; DROP ROLE IF EXISTS "{name}";'


def _claim(claim: dict[str, dict[str, str]]) -> str:
    metadata = claim["metadata"]
    return f"{metadata['namespace']}/{metadata['name']}"


def _size(folder: Path) -> str:
    total = sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())
    return f"{total / 1e6:.0f} MB"
