"""`groundwork cluster`: bare clusters, which are the embedded Kubernetes alone."""

import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from pathlib import Path

import typer

from embedded.cluster import Cluster, ClusterSpec, Wording
from embedded.cluster.configuration import api_address
from embedded.cluster.host import TOOLS, link_name, require_root, routes
from embedded.cluster.layout import Layout
from embedded.cluster.spec import NAME
from embedded.toolchain import build
from modules.core.errors import UserError
from modules.core.paths import cache_home, data_home
from scripts.cli import shell
from scripts.cli.clients.cache import cache
from scripts.cli.environment import CLUSTER_TARGETS, PROJECT, shell_exports, tools_folder
from scripts.cli.lifecycle import host, kubeconfigs, networks
from scripts.cli.output import confirm, console, note, plain_table, print_json
from scripts.cli.steps import Progress, Runner, Step, run_or_exit
from stacks.configuration import stacks

FOLDER = "bare"
"""Of a bare cluster, below its name in the data folder, where an environment has `cluster`."""
NAME_LENGTH = 20
PROXIES = ("http_proxy", "https_proxy", "all_proxy")
"""Variables that lead clients to a proxy, in small letters or in capitals."""


@dataclass(frozen=True)
class BareCluster:
    """A bare cluster by its name, made or not."""

    name: str

    def __post_init__(self) -> None:
        if len(self.name) > NAME_LENGTH or not NAME.fullmatch(self.name):
            raise UserError(
                f"cluster: {self.name!r} is not a name of one: at most {NAME_LENGTH} lower-case letters, digits and "
                "dashes, a letter first, no dash last"
            )

    @property
    def home(self) -> Path:
        return data_home(self.name)

    @property
    def layout(self) -> Layout:
        return Layout(self.home / FOLDER)

    @property
    def context(self) -> str:
        """Name of node and kubeconfig context."""
        return f"{PROJECT}-{self.name}"

    def made(self) -> ClusterSpec | None:
        """What it was started as the last time; None where it never was."""
        try:
            return ClusterSpec.from_json(self.layout.spec.read_text())
        except FileNotFoundError:
            return None

    def cluster(self, network: str, simulated_nodes: int = 0) -> Cluster:
        spec = ClusterSpec(
            name=self.context,
            network=network,
            simulated_nodes=simulated_nodes,
            outside_images=True,
            bin_dir=build.toolchain_home() / tools_folder(CLUSTER_TARGETS),
            state_dir=self.layout.root,
            registry_dir=cache_home() / "registry",
        )
        wording = Wording(network="--network", destroy=f"groundwork cluster delete {self.name}")
        return Cluster(spec, wording=wording)

    def log(self, command: str) -> Path:
        return cache_home() / "logs" / f"cluster-{command}-{self.name}-{time.strftime('%Y%m%d-%H%M%S')}.log"


def names() -> list[str]:
    """Bare clusters that have data here, running or not."""
    return sorted(path.parent.name for path in data_home("any").parent.glob(f"*/{FOLDER}"))


class Start:
    """The steps of `start`. What is not given stays as it was."""

    def __init__(self, bare: BareCluster, nodes: int | None, network: str | None) -> None:
        self.bare = bare
        self.log = bare.log("start")
        made = bare.made()
        self.network = network or (made.network if made else None)
        before = made.simulated_nodes if made else 0
        self.simulated_nodes = before if nodes is None else nodes - 1
        if network:
            networks.check(network, {} if made else networks.taken(bare.context))
            self.cluster(network).check_identity()

    def cluster(self, network: str) -> Cluster:
        return self.bare.cluster(network, self.simulated_nodes)

    def steps(self) -> list[Step]:
        return [
            Step(name="host", title="Host packages", run=self.host),
            Step(name="toolchain", title="Toolchain", run=self.toolchain),
            Step(name="cluster", title="Cluster", run=self.start_cluster, needs=("host", "toolchain")),
        ]

    def host(self, progress: Progress) -> None:
        host.ensure_packages(progress, self.log, TOOLS)

    def toolchain(self, progress: Progress) -> None:
        progress(f"in {build.ensure(progress, self.log, CLUSTER_TARGETS, cache.available)}")

    def start_cluster(self, progress: Progress) -> None:
        """Choose a network only now: the program that lists this machine's routes is one of the host packages."""
        if self.network:
            self.cluster(self.network).start(progress)
            return
        name = self.bare.context
        with networks.choosing():
            network = networks.choose(networks.taken(name), routes(), link_name(name))
            self.cluster(network).start(progress)


def start(name: str, *, nodes: int | None, network: str | None, kubeconfig: Path | None) -> None:
    bare = BareCluster(name)
    refuse_environment(name)
    if kubeconfig:
        kubeconfigs.check(kubeconfig, bare.context)
    work = Start(bare, nodes, network)
    require_root()
    asked = {"--nodes": nodes, "--network": network, "--kubeconfig": kubeconfig}
    options = [str(word) for option, value in asked.items() if value is not None for word in (option, value)]
    run_or_exit(Runner(work.steps(), work.log), shlex.join(["groundwork", "cluster", "start", name, *options]))
    if kubeconfig:
        kubeconfigs.write(kubeconfig, bare.layout.kubeconfig)
    made = bare.made()
    assert made is not None
    typer.echo(shell_exports(variables(made, kubeconfig or bare.layout.kubeconfig, os.environ)))


def variables(spec: ClusterSpec, kubeconfig: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """What leads kubectl to a cluster; the toolchain's where this machine has none, and past a proxy where one is
    set."""
    own = {"KUBECONFIG": str(kubeconfig.absolute())}
    if shutil.which("kubectl", path=environ.get("PATH")) is None:
        own["PATH"] = os.pathsep.join([str(spec.bin_dir), environ.get("PATH", "")])
    if any(environ.get(name) or environ.get(name.upper()) for name in PROXIES):
        own |= shell.direct(environ, spec.network)
    return own


def stop(name: str) -> None:
    bare = BareCluster(name)
    cluster = existing(bare)
    require_root()

    def work(progress: Progress) -> None:
        ran = cluster.running
        cluster.stop(progress)
        progress("its data are kept" if ran else "was not running")

    step = Step(name="stop", title="Stop the cluster", run=work)
    run_or_exit(Runner([step], bare.log("stop")), f"groundwork cluster stop {name}")


def delete(name: str, *, yes: bool) -> None:
    bare = BareCluster(name)
    if not bare.layout.root.exists():
        note(f"There is no cluster {name}, and no data of one.")
        return
    cluster = existing(bare)
    require_root()
    if not yes:
        note(f"This is deleted for good: {bare.layout.root}, the cluster with all that is in it")
        confirm("cluster delete")

    def work(progress: Progress) -> None:
        cluster.destroy(progress)
        with suppress(OSError):  # something else is in it
            bare.home.rmdir()
        progress("no process, mount, namespace, link or file is left")

    step = Step(name="delete", title="Delete the cluster", run=work)
    run_or_exit(Runner([step], bare.log("delete")), f"groundwork cluster delete {name}")


def existing(bare: BareCluster) -> Cluster:
    """UserError, with the names of those that there are, where there is none of this name."""
    if bare.layout.root.exists():
        made = bare.made()  # none where its first start was interrupted
        return bare.cluster(made.network if made else networks.CHOICE[0])
    known = names()
    close = get_close_matches(bare.name, known, n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    raise UserError(f"cluster {bare.name}: there is none; {hint}existing: {', '.join(known) or 'none'}")


def refuse_environment(name: str) -> None:
    """An environment and a bare cluster of one name would share node name, link and control groups."""
    if name in stacks() or (data_home(name) / "pulumi").exists():
        raise UserError(f"cluster {name}: this is the name of an environment here: choose another one")


def refuse_bare_cluster(stack: str) -> None:
    """The other way round."""
    if (data_home(stack) / FOLDER).exists():
        raise UserError(
            f"stack {stack}: a bare cluster has this name: remove it by `groundwork cluster delete {stack}`, or give "
            "the stack another name"
        )


@dataclass(frozen=True, kw_only=True)
class Row:
    """A bare cluster, as it is listed."""

    name: str
    state: str
    nodes: int
    simulated_nodes: int
    version: str | None
    """Of Kubernetes; None where its binaries are gone from the cache."""
    network: str
    api: str
    context: str
    kubeconfig: str


def rows() -> list[Row]:
    found = [(bare, made) for bare in map(BareCluster, names()) if (made := bare.made()) is not None]
    return [
        Row(
            name=bare.name,
            state=Cluster(made).status().state,
            nodes=made.simulated_nodes + 1,
            simulated_nodes=made.simulated_nodes,
            version=version(made),
            network=made.network,
            api=api_address(made),
            context=made.name,
            kubeconfig=str(bare.layout.kubeconfig),
        )
        for bare, made in found
    ]


def version(spec: ClusterSpec) -> str | None:
    """The version of Kubernetes that a cluster was started with, such as v1.36.3."""
    try:
        done = subprocess.run([spec.bin_dir / "kubelet", "--version"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.split()[-1]


def show(*, as_json: bool) -> None:
    found = rows()
    if as_json:
        print_json([asdict(row) for row in found])
        return
    if not found:
        note("There is no bare cluster: `groundwork cluster start NAME` makes one.")
        return
    table = plain_table("cluster", "state", "nodes", "kubernetes", "api server", "context", "kubeconfig")
    for row in found:
        simulated = f" ({row.simulated_nodes} simulated)" if row.simulated_nodes else ""
        nodes = f"{row.nodes}{simulated}"
        table.add_row(row.name, row.state, nodes, row.version or "unknown", row.api, row.context, row.kubeconfig)
    console().print(table, highlight=False)
