"""What a shell, and every program that the commands start, needs to talk to one stack's environment."""

import os
import re
import secrets
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from embedded.cluster.layout import Layout
from embedded.providers.install import engine_variables
from embedded.toolchain.build import bin_folder, toolchain_home
from embedded.toolchain.targets import BUILD_TARGETS, IMAGE_TARGETS, BuildTarget
from modules.core.errors import UserError
from modules.core.paths import REPOSITORY, cache_home, data_home
from modules.gateway.documents import client_address
from scripts.cli import kubeconfig, shell
from scripts.cli.files import create
from stacks.configuration import FOLDER, load
from stacks.foundation.aws_settings import DATABASE_CA
from stacks.settings import PlatformSettings

if TYPE_CHECKING:
    from embedded.aws.process import AccountServer

PROJECT = "groundwork"
ENGINE = ("pulumi", "pulumi-kubernetes")
"""Parts of the toolchain that an official installation of Pulumi has too."""
CLUSTER_TARGETS = tuple(target for target in BUILD_TARGETS if target.name not in ENGINE)
"""What a cluster needs of the toolchain."""
CLIENT_TARGETS = tuple(
    replace(target, links=("kubectl",)) if target.name == "pulumi-kubernetes" else target
    for target in BUILD_TARGETS
    if target.name in ENGINE
)
"""What is needed where somebody else runs the cluster: engine, and plugin, which is kubectl too."""
STACK_NAME = re.compile(r"[a-z][a-z0-9-]{0,19}")
EMULATED = "The account of AWS is emulated on this machine: nothing of it is on AWS."
"""What every view of such a stack says."""
SALT = re.compile("^encryptionsalt:", re.MULTILINE)
"""In a stack's file, once a value in it was encrypted."""


@dataclass(frozen=True)
class Environment:
    """One stack on this machine: where its parts lie, and the variables that lead programs to them."""

    stack: str

    def __post_init__(self) -> None:
        if not STACK_NAME.fullmatch(self.stack):
            raise UserError(
                f"stack: {self.stack!r} is not a name of one: lower-case letters, digits and dashes, at most 20, "
                "a letter first"
            )

    @cached_property
    def settings(self) -> PlatformSettings:
        """The stack's settings, from stacks/Pulumi.<stack>.yaml."""
        return load(self.stack)

    @property
    def home(self) -> Path:
        return data_home(self.stack)

    @property
    def cluster_name(self) -> str:
        return f"{PROJECT}-{self.stack}"

    @property
    def cluster_layout(self) -> Layout:
        """Where the embedded cluster keeps its things."""
        return Layout(self.home / "cluster")

    @property
    def account(self) -> Path:
        """Where an account of AWS is emulated: a folder that is there for a stack on such a one alone."""
        return self.home / "account"

    @property
    def emulated(self) -> bool:
        """Whether the stack's account of AWS is an emulated one on this machine."""
        return self.account.exists() and self.settings.aws is not None

    @property
    def account_server(self) -> "AccountServer":
        """The emulated account, running or not."""
        from embedded.aws.process import AccountServer  # most stacks have none

        assert self.settings.aws is not None
        return AccountServer(
            self.account,
            account=self.settings.aws.account,
            tools=self.tools,
            registry=cache_home() / "registry",
        )

    @property
    def kubeconfig(self) -> Path:
        """Of the embedded cluster, or one of EKS; for one that somebody else runs, what chooses the context of their
        own file."""
        if self.settings.aws:
            return self.home / "kubeconfig"
        return self.home / "context" if self.settings.existing else self.cluster_layout.kubeconfig

    @property
    def program(self) -> Path:
        """Where the engine finds Pulumi.yaml."""
        return REPOSITORY

    @property
    def pulumi_home(self) -> Path:
        return self.home / "pulumi" / "home"

    @property
    def backend(self) -> Path:
        return self.home / "pulumi" / "backend"

    @property
    def passphrase(self) -> Path:
        return self.home / "pulumi" / "passphrase"

    @property
    def deployed_settings(self) -> Path:
        """The stack's file as `scripts/up` deployed it last, for a checkout that has none."""
        return self.home / "settings.yaml"

    @property
    def cluster_identity(self) -> Path:
        """Which cluster of somebody else the state is of."""
        return self.home / "cluster.json"

    @property
    def account_credentials(self) -> Path:
        """An AWS shared credentials file of who deploys on the emulated account."""
        return self.account / "credentials"

    @property
    def account_command(self) -> Path:
        """Folder of the command `aws` that an emulated account answers."""
        return self.account / "bin"

    @property
    def s3_credentials(self) -> Path:
        """An AWS shared credentials file of the object store's administrator."""
        return self.home / "s3-credentials"

    @property
    def mlflow_credentials(self) -> Path:
        """The login of people at MLflow, in a file as its clients read it."""
        return self.home / "mlflow-credentials"

    @property
    def ca_certificate(self) -> Path:
        """PEM file of the CA certificate that clients of the gateway trust, where it is not a public one. No secret."""
        return self.home / "gateway-ca.crt"

    @property
    def runs_here(self) -> bool:
        """Whether the cluster is on this machine: the embedded one, or that of an emulated account."""
        return self.settings.foundation.publishes or self.emulated

    @property
    def build_targets(self) -> tuple[BuildTarget, ...]:
        """What is built for this machine: without engine and plugin where an official installation can be used. What a
        registry of somebody else may hold already is built when an image needs it."""
        official = official_pulumi() is not None
        if not self.runs_here:
            return () if official else CLIENT_TARGETS
        return (*(CLUSTER_TARGETS if official else BUILD_TARGETS), *IMAGE_TARGETS)

    @property
    def tools(self) -> Path:
        return toolchain_home() / tools_folder(self.build_targets)

    def prepare(self) -> None:
        """Makes the stack's folders and, once, its passphrase. UserError where that was lost."""
        for folder in (self.home, self.pulumi_home, self.backend, self.home / "logs"):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not self.passphrase.exists() or not self.passphrase.read_text().strip():
            self._make_passphrase()
        if existing := self.settings.existing:
            kubeconfig.write_choice(self.kubeconfig, existing.context)

    def _make_passphrase(self) -> None:
        if self.passphrase.exists():
            if encrypted := self._encrypted():
                raise UserError(
                    f"{self.passphrase} is empty, but {encrypted} is encrypted: put its passphrase back there. "
                    f"If there never was one, remove the data by `scripts/down {self.stack}`, then encryptionsalt and "
                    f"what is secure from stacks/Pulumi.{self.stack}.yaml, and run this command again"
                )
            self.passphrase.unlink()
        create(self.passphrase, secrets.token_urlsafe(32), 0o600)

    def _encrypted(self) -> Path | None:
        """A file that only the passphrase opens."""
        settings = FOLDER / f"Pulumi.{self.stack}.yaml"
        if settings.exists() and SALT.search(settings.read_text()):
            return settings
        return next((self.backend / ".pulumi" / "stacks").rglob("*.json"), None)

    def variables(self) -> dict[str, str]:
        """What `scripts/env` exports: addresses and paths of files, never a secret itself."""
        ports = self.settings.ports()
        path = os.pathsep.join([str(self.tools), str(REPOSITORY / ".venv/bin"), os.environ.get("PATH", "")])
        own: dict[str, str] = {
            "PATH": path,
            **engine_variables(self.backend),
            "PULUMI_CONFIG_PASSPHRASE_FILE": str(self.passphrase),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            **self._cluster_variables(),
        }
        if (port := ports.get("storage")) is not None:
            own["AWS_ENDPOINT_URL_S3"] = f"http://127.0.0.1:{port}"
            own["AWS_REGION"] = own["AWS_DEFAULT_REGION"] = "us-east-1"
            own["AWS_SHARED_CREDENTIALS_FILE"] = str(self.s3_credentials)
            own["AWS_CONFIG_FILE"] = os.devnull  # a person's own may name another endpoint, role or profile
        if self.emulated:
            own |= self._account_variables(path)
        if (tracking := client_address("mlflow", self.settings.entry)) is not None:
            own["MLFLOW_TRACKING_URI"] = tracking
        if not os.environ.get("USER"):  # the engine asks who works on a stack, and a container's user has no name
            own["USER"] = str(os.getuid())
        if official_pulumi() is None:
            own["PULUMI_HOME"] = str(self.pulumi_home)
            own["PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"] = "true"
        return own

    def _account_variables(self, path: str) -> dict[str, str]:
        """What leads every client of AWS to the emulated account, as who deploys there."""
        assert self.settings.aws is not None
        region, address = self.settings.aws.region, self.account_server.address
        return {
            "PATH": os.pathsep.join([str(self.account_command), path]),
            **({"AWS_ENDPOINT_URL": address} if address else {}),
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            "AWS_SHARED_CREDENTIALS_FILE": str(self.account_credentials),
            "AWS_CONFIG_FILE": os.devnull,
            DATABASE_CA: str(self.account_server.machine.ca),
        }

    def _cluster_variables(self) -> dict[str, str]:
        if aws := self.settings.aws:
            direct = shell.direct(os.environ, aws.network.range) if self.emulated else {}
            return {"KUBECONFIG": str(self.kubeconfig), **direct}
        if existing := self.settings.existing:
            return {"KUBECONFIG": os.pathsep.join(map(str, [self.kubeconfig, *kubeconfig.files(existing)]))}
        direct = shell.direct(os.environ, self.settings.embedded.network)
        return {"KUBECONFIG": str(self.kubeconfig), **direct}

    def process_environment(self) -> dict[str, str]:
        """The variables on top of this process's own, without those of a person that would take over."""
        foreign = set(shell.foreign(os.environ))
        kept = {name: value for name, value in os.environ.items() if name not in foreign}
        if not self.runs_here:  # for a cloud, or a program that a kubeconfig names, which asks one for a token
            kept |= {name: value for name, value in shell.given.items() if name.startswith("AWS_")}
        return {**kept, **self.variables(), "KUBERC": "off"}  # a person's defaults for kubectl are for a person


@cache
def tools_folder(targets: tuple[BuildTarget, ...]) -> str:
    """Its name, once a process: all sources are hashed for it, and every `kubectl` asks for it."""
    return bin_folder(targets).name


def official_pulumi() -> Path | None:
    """An installed `pulumi` that has its Python language host beside it; ours never has."""
    pulumi = shutil.which("pulumi")
    if pulumi is None or not (Path(pulumi).parent / "pulumi-language-python").exists():
        return None
    return Path(pulumi)


def shell_exports(variables: Mapping[str, str], removed: Iterable[str] = ()) -> str:
    """`unset` and `export` lines for a POSIX shell."""
    import shlex

    gone = sorted({*removed} - variables.keys())
    exports = [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
    return "\n".join([f"unset {' '.join(gone)}", *exports] if gone else exports)
