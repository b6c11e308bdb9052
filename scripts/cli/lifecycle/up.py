"""`groundwork up`: from a bare machine to a platform that answers. Every step is safe to run again."""

import shutil
import time
from abc import ABC, abstractmethod
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from embedded.cluster import Cluster, ClusterSpec, Wording, ensure_free
from embedded.cluster.host import require_root
from embedded.providers.install import install, install_emulations
from embedded.toolchain import build
from modules.core.contracts import Registry
from modules.core.errors import UserError
from modules.core.paths import REPOSITORY, cache_home
from modules.core.releases import Release, release_file
from modules.nodes.pools import simulated_nodes
from modules.registry.access import RegistryAccess
from modules.registry.build import build_images
from scripts.cli import kubeconfig
from scripts.cli.clients import aws as clients_aws
from scripts.cli.clients import engine, identity, pins
from scripts.cli.clients.backend import Backend
from scripts.cli.clients.cache import cache
from scripts.cli.clients.cache.signing import SBOM_KEYS
from scripts.cli.clients.registry import own_access, registry_of
from scripts.cli.delivery import rollouts
from scripts.cli.delivery.release import release
from scripts.cli.delivery.train import train
from scripts.cli.environment import EMULATED, Environment, official_pulumi
from scripts.cli.files import create
from scripts.cli.lifecycle import account, aws, entry, host, quotas, services
from scripts.cli.lifecycle.background import canary_command, process_name
from scripts.cli.lifecycle.clusters import refuse_bare_cluster
from scripts.cli.lifecycle.pinned_images import find_lacking
from scripts.cli.lifecycle.preflight import checks, names
from scripts.cli.lifecycle.settings_check import check_settings
from scripts.cli.output import console, note, print_json
from scripts.cli.steps import Progress, Runner, Step, run_or_exit
from stacks.configuration import require_encrypted
from stacks.foundation import users
from stacks.foundation.existing_settings import ExistingSettings
from stacks.foundation.registry_login import access_to, pull_document
from stacks.settings import port_key

STACKS = REPOSITORY / "stacks"


def cluster_of(environment: Environment) -> Cluster:
    """The stack's embedded cluster, running or not."""
    embedded = environment.settings.embedded
    return Cluster(
        ClusterSpec(
            name=environment.cluster_name,
            network=embedded.network,
            api_port=embedded.ports.api,
            simulated_nodes=embedded.simulated_nodes,
            simulated_pools=tuple(simulated_nodes(embedded.nodes.pools)),
            bin_dir=environment.tools,
            state_dir=environment.cluster_layout.root,
            registry_dir=cache_home() / "registry",
            platform=True,
        ),
        start_seconds=embedded.start_seconds,
        wording=Wording(
            network="groundwork:foundation.network",
            api_port="groundwork:foundation.ports.api",
            start_seconds="groundwork:foundation.start_seconds",
            destroy=f"scripts/down {environment.stack}",
        ),
    )


def access_of(cluster: Cluster) -> RegistryAccess:
    """How this machine comes to a cluster's own registry."""
    return own_access(cluster.layout, cluster.registry)


def settings_file(stack: str) -> Path:
    return STACKS / f"Pulumi.{stack}.yaml"


def write_settings(environment: Environment) -> None:
    """Write stacks/Pulumi.<stack>.yaml where this checkout has none: as a platform that is there was deployed, perhaps
    from another checkout, or else from the example. A person's file is never touched."""
    target, example = settings_file(environment.stack), STACKS / f"{environment.stack}.example.yaml"
    if target.exists():
        return
    if environment.deployed_settings.exists():
        shutil.copyfile(environment.deployed_settings, target)
        note(f"stacks/{target.name} was missing here: it has the settings that {environment.stack} runs with")
    elif example.exists():
        shutil.copyfile(example, target)


def previous_releases(path: Path) -> Path:
    """Where the pins of a platform that is gone are set aside."""
    return path.with_suffix(".yaml.previous")


class Up(ABC):
    """The steps of `up` for one stack, on whatever cluster it is."""

    compiles = "toolchain"
    """The last step that may."""
    before_preview = "images"
    """The last step that changes nothing of what runs: a preview needs the cluster, and the images' digests."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.log = environment.home / "logs" / f"up-{time.strftime('%Y%m%d-%H%M%S')}.log"
        self.trained: dict[str, int] = {}
        """Versions that were trained in place of what can't serve any more, by workload."""

    @abstractmethod
    def refuse(self) -> None:
        """Raise UserError where something of this machine stands in the way, before anything is changed."""

    @abstractmethod
    def cluster_steps(self) -> list[Step]:
        """Return what comes before the images: the last one is named cluster."""

    @abstractmethod
    def images(self, progress: Progress) -> None:
        """Bring the images to the environment's registry."""

    def steps(self) -> list[Step]:
        return [
            Step(name="toolchain", title="Toolchain", run=self.toolchain),
            Step(name="tidy", title="Compiler's caches", run=build.tidy, needs=(self.compiles,)),
            *self.cluster_steps(),
            Step(name="images", title="Images", run=self.images, needs=("cluster",)),
            Step(name="platform", title="Platform (pulumi up)", run=self.platform, needs=("images",)),
            Step(name="training", title="First training run", run=self.training, needs=("platform",)),
            Step(name="release", title="First release", run=self.release, needs=("training",)),
        ]

    def toolchain(self, progress: Progress) -> None:
        build.ensure(progress, self.log, self.environment.build_targets, cache.available)
        if official_pulumi() is None:
            python = REPOSITORY / ".venv/bin/python"
            install(self.environment.pulumi_home, python, self.environment.tools)
            if self.environment.emulated:
                install_emulations(self.environment.pulumi_home, python)
        progress(f"engine: {official_pulumi() or self.environment.tools / 'pulumi'}")

    def build_images(
        self, registry: Registry, access: RegistryAccess, progress: Progress, architecture: str | None = None
    ) -> None:
        build_images(
            self.environment.stack,
            self.environment.settings.images(),
            registry=registry,
            access=access,
            progress=progress,
            log=self.log,
            keys=SBOM_KEYS,
            architecture=architecture,
            open_cache=cache.available,
        )
        if lacking := find_lacking(self.environment, registry, access):
            raise UserError("\n".join(map(str, lacking)) + "\nNothing of the platform was changed.")

    def platform(self, progress: Progress) -> None:
        engine.ensure_stack(self.environment)
        self.forget_releases(progress)
        began = datetime.now(UTC)
        try:
            self.deploy(progress)
            shutil.copyfile(settings_file(self.environment.stack), self.environment.deployed_settings)
            rollouts.wait(self.environment, progress)
        except UserError as error:
            raise quotas.with_refusals(self.environment, error, began) from error

    def deploy(self, progress: Progress) -> None:
        """Run the engine."""
        engine.up(self.environment, progress, self.log)

    def forget_releases(self, progress: Progress) -> None:
        """A platform that is made anew has an empty model registry: what was pinned went with the previous one."""
        if Backend(self.environment).resources():
            return
        with pins.alone(self.environment.stack):
            path = release_file(self.environment.stack)
            if path.exists():
                progress(f"{path.name} pins models of a platform that is gone: set aside")
                path.replace(previous_releases(path))

    def training(self, progress: Progress) -> None:
        """Trains what has never been released here; a workload that serves is left alone, unless what it serves was
        released before trainings signed their models, or releases pinned their serving image: no server of today would
        take it."""
        outdated = self.outdated()
        for workload in self.unreleased():
            if (pin := outdated.get(workload)) is not None:
                lacks = "is not signed" if not pin.signature else "pins no serving image"
                progress(f"{workload}: release {pin.release} (version {pin.model_version}) {lacks}: training anew")
            result = train(self.environment.stack, workload, progress)
            progress(f"{result.model} version {result.model_version}")
            if workload in outdated:
                self.trained[workload] = result.model_version

    def release(self, progress: Progress) -> None:
        """Releases the champion where nothing was released, and what was trained in place of what is outdated: the
        champion may be of before, too."""
        for workload in self.unreleased():
            pin = release(self.environment.stack, workload, self.trained.get(workload), progress, self.log).pin
            progress(f"{workload} serves {pin.model_name} version {pin.model_version}")

    def unreleased(self) -> list[str]:
        released, outdated = pins.released(self.environment), self.outdated()
        return [name for name in self.environment.settings.workloads if name not in released or name in outdated]

    def outdated(self) -> dict[str, Release]:
        """What workloads serve that no training signed, or whose release pins no serving image: its pods are kept as
        they are."""
        released = pins.released(self.environment)
        return {name: each for name, each in released.items() if not each.complete}


class EmbeddedUp(Up):
    """On the embedded cluster, which is started for it."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.cluster = cluster_of(environment)

    def refuse(self) -> None:
        """What the environment publishes must be free, unless it is this very environment that has it."""
        require_root()
        if not self.cluster.running:
            for service, port in self.environment.settings.ports().items():
                ensure_free(f"groundwork:{port_key(service)}", port)

    def cluster_steps(self) -> list[Step]:
        return [
            Step(name="host", title="Host packages", run=self.host),
            Step(name="cluster", title="Cluster", run=self.start_cluster, needs=("host", "toolchain")),
        ]

    def steps(self) -> list[Step]:
        watch = Step(name="watch", title="Watch for new champions", run=self.watch, needs=("release",))
        return [*super().steps(), watch]

    def host(self, progress: Progress) -> None:
        host.ensure_packages(progress, self.log, host.NEEDED)

    def start_cluster(self, progress: Progress) -> None:
        self.choose_user()
        self.cluster.start(progress)

    def choose_user(self) -> None:
        """Gives a platform that is made anew a user of its own. One that is there keeps that of its volumes."""
        if not Backend(self.environment).resources():
            create(users.record_of(self.environment.stack), f"{users.choose(self.environment.stack)}\n", 0o600)

    def images(self, progress: Progress) -> None:
        self.build_images(registry_of(self.environment), access_of(self.cluster), progress)

    def watch(self, progress: Progress) -> None:
        """Keeps a watch running beside the cluster for each workload that wants one."""
        workloads = self.environment.settings.workloads
        names = sorted(name for name, workload in workloads.items() if workload.watch)
        self.cluster.supervise({process_name(name): canary_command(self.environment.stack, name) for name in names})
        progress(f"watched: {', '.join(names)}" if names else "no workload is watched")


class ExistingUp(Up):
    """On a cluster that somebody else runs: none is started, and nothing but the environment's own is touched."""

    compiles = "images"

    def __init__(self, environment: Environment, existing: ExistingSettings) -> None:
        super().__init__(environment)
        self.existing = existing

    def refuse(self) -> None:
        kubeconfig.check_context(self.existing)
        pull_document(self.existing.registry)

    def cluster_steps(self) -> list[Step]:
        return [Step(name="cluster", title="Cluster", run=self.check_cluster, needs=("toolchain",))]

    def check_cluster(self, progress: Progress) -> None:
        checks.require(self.environment, self.existing, progress)

    def images(self, progress: Progress) -> None:
        given = self.existing.registry
        self.build_images(given.contract(), access_to(given), progress, given.architecture)

    def platform(self, progress: Progress) -> None:
        names.refuse_taken(self.environment, progress)
        if not Backend(self.environment).resources():
            checks.require_inside(self.environment, self.existing, progress)
        identity.record(self.environment)
        super().platform(progress)


class AwsUp(Up):
    """On an account of AWS, which has the cluster that the platform makes there."""

    compiles = "images"
    before_preview = "toolchain"  # what comes after it makes something in the account

    def refuse(self) -> None:
        aws.check_account(self.environment)

    def cluster_steps(self) -> list[Step]:
        return [Step(name="cluster", title="Repositories of images", run=self.repositories, needs=("toolchain",))]

    def repositories(self, progress: Progress) -> None:
        self.forget_releases(progress)  # before the state has the first repository
        aws.ensure_repositories(self.environment, progress, self.log)

    def images(self, progress: Progress) -> None:
        registry, access = clients_aws.registry_of(self.environment)
        self.build_images(registry, access, progress)

    def deploy(self, progress: Progress) -> None:
        try:
            super().deploy(progress)
        finally:  # the cluster may be another one now: how it is entered is asked for anew
            self.environment.kubeconfig.unlink(missing_ok=True)


class EmulatedUp(AwsUp):
    """On an account of AWS that is emulated on this machine, where the cluster runs too."""

    compiles = "toolchain"

    def refuse(self) -> None:
        require_root()
        account.deployer(self.environment)

    def cluster_steps(self) -> list[Step]:
        host_packages = Step(name="host", title="Host packages", run=self.host)
        server = Step(name="account", title="Emulated account", run=self.account, needs=("host", "toolchain"))
        (repositories,) = super().cluster_steps()
        return [host_packages, server, replace(repositories, needs=("account",))]

    def host(self, progress: Progress) -> None:
        host.ensure_packages(progress, self.log, account.PACKAGES)

    def account(self, progress: Progress) -> None:
        account.start(self.environment, progress)


def up_of(environment: Environment, *, emulated: bool | None = None) -> Up:
    """Return the steps of `up` for a stack. emulated: see `prepare`."""
    settings = environment.settings
    if settings.aws:
        return (EmulatedUp if environment.emulated or emulated else AwsUp)(environment)
    return ExistingUp(environment, settings.existing) if settings.existing else EmbeddedUp(environment)


def prepare(stack: str, *, emulated: bool | None = None) -> Up:
    """The steps of a stack, once nothing that a person must change stands in their way. emulated: whether its account
    of AWS is to be an emulated one; None: it is as it is."""
    environment = Environment(stack)
    refuse_bare_cluster(stack)
    write_settings(environment)
    require_encrypted(stack)
    if emulated is not None:
        account.check_choice(environment, emulated=emulated)
    check_settings(environment)
    up = up_of(environment, emulated=emulated)
    up.refuse()
    environment.prepare()
    if emulated:
        environment.account.mkdir(exist_ok=True, mode=0o700)
    return up


def run(stack: str, *, emulated: bool = False, as_json: bool = False) -> None:
    """Brings a stack up, then says where everything is."""
    up = prepare(stack, emulated=emulated)
    runner = Runner(up.steps(), up.log)
    started = time.monotonic()
    run_or_exit(runner, f"scripts/up {stack}{' --emulated' if emulated else ''}")
    found = services.find(up.environment)
    if as_json:
        print_json({"stack": stack, "services": services.as_json(found), "seconds": runner.seconds()})
        return
    screen = console()
    screen.print(services.table(found))
    if way := entry.find(up.environment).note:
        screen.print(way, highlight=False, soft_wrap=True)
    if up.environment.emulated:
        screen.print(EMULATED, highlight=False, soft_wrap=True)
    screen.print(
        f'\nUp in {time.monotonic() - started:.0f} s. A shell for it: eval "$(scripts/env {stack})"', highlight=False
    )
