"""The settings of a whole platform, composed of each module's."""

from typing import Any, Self, TypeVar

from pydantic import Field, SecretStr, create_model, model_validator

from modules.core.contracts import Consumer, Entry
from modules.core.errors import UserError
from modules.core.images import Image
from modules.core.naming import namespace
from modules.core.service import Service
from modules.core.settings import PROJECT, Settings, advice
from modules.database.external_settings import ExternalDatabaseSettings
from modules.gateway.service import GATEWAY
from modules.jenkins.service import JENKINS
from modules.storage.external_settings import ExternalStoreSettings
from stacks.foundation.aws_settings import AwsSettings
from stacks.foundation.data_settings import check_database, check_groups, check_store, missing_secrets
from stacks.foundation.existing_settings import ExistingSettings
from stacks.foundation.quota import check_largest
from stacks.foundation.settings import EmbeddedSettings, FoundationSettings
from stacks.foundation.stack_settings import StackSettings
from stacks.foundation.targets import DEFAULT_TARGET, TARGETS, Target
from stacks.services import EVERY, SERVICES, images
from workloads.documents import TRAINER_SUFFIX
from workloads.service import WORKLOADS
from workloads.settings import WorkloadSettings

S = TypeVar("S")

RESERVED = frozenset({"api", PROJECT, *(service.name for service in EVERY)})
"""Names of services: a workload of such a name would share its namespace and its address."""
OTHERS_SUFFIXES = {"-canary": "a canary", TRAINER_SUFFIX: "the trainings of a workload"}
"""What ends in these, beside each workload."""


class PlatformSettings(Settings):
    """All that distinguishes one environment from another, apart from what was built and released.

    Only one of MODELS is created: it has a group of settings for each service too, and those of its foundation.
    """

    owner: str = Field(
        default="unowned",
        pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$",
        description="Who answers for the environment: lower-case letters, digits, dashes.",
    )
    protect_data: bool = Field(
        default=True,
        description="Whether the engine refuses to delete or replace what holds data: the object store, the database, "
        "their volumes and namespaces, and the keys that sign models. `scripts/down` names the data, asks, "
        "and only then takes this off.",
    )
    foundation: FoundationSettings = Field(default=EmbeddedSettings(), description="The foundation of the platform.")
    github_token: SecretStr | None = Field(
        default=None,
        description="Token with which Jenkins reads its repository and comments on pull requests: set it by "
        "`pulumi config set --secret groundwork:github_token`.",
    )
    storage_secret_key: SecretStr | None = Field(
        default=None,
        description="Secret of foundation.storage.access_key_id: set it by `pulumi config set --secret "
        "groundwork:storage_secret_key`.",
    )
    database_passwords: dict[str, SecretStr] = Field(
        default={},
        description="Passwords for foundation.database, of `admin` or by service: set each by `pulumi config set "
        "--secret --path groundwork:database_passwords.NAME`.",
    )
    workloads: dict[str, WorkloadSettings] = Field(default={}, description=f"{WORKLOADS.title}.")

    @property
    def embedded(self) -> EmbeddedSettings:
        """The settings of the embedded cluster. UserError where the stack's cluster is another one."""
        if not isinstance(self.foundation, EmbeddedSettings):
            raise UserError(
                f"{PROJECT}:foundation.target is {self.foundation.target!r}: no cluster of such a stack runs on this "
                f"machine; that is for target {DEFAULT_TARGET!r}"
            )
        return self.foundation

    @property
    def existing(self) -> ExistingSettings | None:
        """The settings of a cluster that somebody else runs; None where the stack's cluster is another one."""
        return self.foundation if isinstance(self.foundation, ExistingSettings) else None

    @property
    def aws(self) -> AwsSettings | None:
        """The settings of an account of AWS; None where the stack is elsewhere."""
        return self.foundation if isinstance(self.foundation, AwsSettings) else None

    @property
    def of_stack(self) -> StackSettings | None:
        """The settings of a foundation that another stack made; None where the stack makes its own."""
        return self.foundation if isinstance(self.foundation, StackSettings) else None

    @property
    def external_store(self) -> ExternalStoreSettings | None:
        """The object store that somebody else runs; None where it is in the cluster."""
        return self.existing.storage if self.existing else None

    @property
    def external_database(self) -> ExternalDatabaseSettings | None:
        """The PostgreSQL that somebody else runs; None where it is in the cluster."""
        return self.existing.database if self.existing else None

    @property
    def entry(self) -> Entry:
        """How people and clients outside of the cluster reach the gateway."""
        return self.foundation.entry(self.of(GATEWAY).local_port)

    def of(self, service: Service[S]) -> S:
        """Return the settings of a service."""
        return getattr(self, service.name)

    def built(self, service: Service[Any]) -> tuple[Image, ...]:
        """Return the images of a service that are built for the environment."""
        return service.built(self.of(service), has_catalog=self.aws is not None and self.aws.lake is not None)

    def has(self, service: Service[Any]) -> bool:
        """Return whether a service is switched on, and the platform's own in the cluster; one that has no `enabled`
        always is."""
        ours = self._describes(service) and service.name not in self.foundation.external
        return ours and getattr(self.of(service), "enabled", True)

    def _describes(self, service: Service[Any]) -> bool:
        """Whether its group of settings describes something: a cloud has the data services itself, and all others may
        be another stack's."""
        return service.name in type(self).model_fields and self.foundation.deploys_services

    def consumers(self) -> dict[str, Consumer]:
        """Return who uses the platform's data and services, by name; each has a namespace."""
        switched_on = (service for service in SERVICES if self.has(service))
        return {
            name: consumer for service in switched_on for name, consumer in service.consumers(self.of(service)).items()
        }

    def images(self) -> tuple[Image, ...]:
        """Return the images of this repository that the environment runs, the one below the others first. UserError
        where a workload is not there, or its workload.yaml says something wrong."""
        return images(lambda service: self.built(service) if self._describes(service) else (), self.foundation.images)

    def namespaces(self, environment: str) -> list[str]:
        """Return the names of the environment's namespaces: of the consumers, and of data services that something
        runs for in the cluster."""
        external = self.foundation.external
        names = (service.name for service in TARGETS[self.foundation.target].data)
        data = (name for name in names if name not in external or external[name].has_namespace)
        own = {*data, *self.foundation.namespaces}
        return sorted(namespace(environment, name) for name in {*own, *self.consumers()})

    def missing_secrets(self) -> dict[str, str]:
        """Return the commands that set what logs in to somebody else's servers and is not set yet, by its key. Such a
        file can be read, so that the commands work; nothing is made from it."""
        return missing_secrets(self.foundation.external, self.storage_secret_key, self.database_passwords)

    def require_secrets(self, source: str) -> None:
        """Raise UserError where one is missing."""
        if missing := self.missing_secrets():
            lines = "".join(f"\n  {key}: `{command}`" for key, command in missing.items())
            raise UserError(f"{source} lacks what logs in to somebody else's servers:{lines}")

    def ports(self) -> dict[str, int]:
        """Ports on 127.0.0.1 by service: what must be free before the environment starts."""
        published = self._publishable() if self.foundation.publishes else {}
        ports = {name: getattr(group, "local_port", None) for name, group in published.items()}
        return {**self.foundation.local_ports(), **{name: port for name, port in ports.items() if port is not None}}

    def _publishable(self) -> dict[str, Any]:
        """What may have a port on 127.0.0.1, by name."""
        return {**{service.name: self.of(service) for service in EVERY if self._describes(service)}, **self.workloads}

    @model_validator(mode="after")
    def _services_are_of_one_stack(self) -> Self:
        given = sorted({"github_token", *(service.name for service in SERVICES)} & self.model_fields_set)
        if given and not self.foundation.deploys_services:
            raise ValueError(
                f"{given[0]} is given, but the stack that foundation.services_stack names deploys the services: move "
                f"{', '.join(given)} to its file, or remove foundation.services_stack"
            )
        return self

    @model_validator(mode="after")
    def _ports_are_published(self) -> Self:
        for name, group in self._publishable().items() if not self.foundation.publishes else ():
            port = getattr(group, "local_port", None)
            if port is not None and port != type(group).model_fields["local_port"].default:
                raise ValueError(
                    f"{port_key(name)} is {port}, but nothing is published on 127.0.0.1 where foundation.target is "
                    f"{self.foundation.target!r}: remove it"
                )
        return self

    @model_validator(mode="after")
    def _watches_run_beside_the_cluster(self) -> Self:
        for name in sorted(name for name, workload in self.workloads.items() if workload.watch):
            if not self.foundation.publishes:
                raise ValueError(
                    f"workloads.{name}.watch is true, but nothing runs beside the cluster where foundation.target is "
                    f"{self.foundation.target!r}: remove it, and run `groundwork canary {name}` where it may stay "
                    "running"
                )
        return self

    @model_validator(mode="after")
    def _teams_have_workloads(self) -> Self:
        for team, given in self.foundation.teams.items():
            for workload in given.workloads:
                if workload not in self.workloads:
                    raise ValueError(
                        f"foundation.nodes.teams.{team}.workloads holds {workload!r}, which is none of this stack: "
                        f"{advice(workload, sorted(self.workloads))}"
                    )
        return self

    @model_validator(mode="after")
    def _ports_differ(self) -> Self:
        taken: dict[int, str] = {}
        for service, port in self.ports().items():
            if port in taken:
                raise ValueError(
                    f"port {port} is given to {taken[port]} and to {service}: change {port_key(service)} to a free one"
                )
            taken[port] = service
        return self

    @model_validator(mode="after")
    def _containers_fit(self) -> Self:
        if quota := self.foundation.namespace_quota:
            services = {service.name: self.of(service) for service in EVERY if self.has(service)}
            check_largest(quota, services)
            check_largest(quota, {f"workloads.{name}": group for name, group in self.workloads.items()})
        return self

    @model_validator(mode="after")
    def _pipelines_have_a_token(self) -> Self:
        repository = self.of(JENKINS).repository
        if repository and self.github_token is None:
            raise ValueError(
                f"jenkins.repository is {repository!r} and github_token is missing: "
                "`pulumi config set --secret groundwork:github_token`, or set the repository to null"
            )
        return self

    @model_validator(mode="after")
    def _data_has_logins(self) -> Self:
        external = self.foundation.external
        check_groups(external, self.model_fields_set)
        check_store(external, self.storage_secret_key)
        check_database(external, self.database_passwords, self.consumers())
        return self

    @model_validator(mode="after")
    def _workloads_are_not_services(self) -> Self:
        reserved = {*RESERVED, *self.foundation.namespaces}
        for name in sorted(reserved & self.workloads.keys()):
            raise ValueError(f"workloads.{name} has the name of a service: choose another than {sorted(reserved)}")
        for suffix, what in OTHERS_SUFFIXES.items():
            for name in sorted(name for name in self.workloads if name.endswith(suffix)):
                raise ValueError(f"workloads.{name} has the name of {what}: choose one that does not end in {suffix}")
        return self


def model_of(target: Target) -> type[PlatformSettings]:
    """Return the settings of a platform on such a foundation, with a group for each of its services."""
    required = any(field.is_required() for field in target.settings.model_fields.values())
    default = ... if required else target.settings.model_validate({})
    foundation = Field(default=default, description="The foundation of the platform.")
    groups: dict[str, Any] = {
        service.name: (service.settings, Field(default=service.settings(), description=f"{service.title}."))
        for service in (*target.data, *SERVICES)
        if service.name not in PlatformSettings.model_fields
    }
    return create_model(
        "PlatformSettings", __base__=PlatformSettings, foundation=(target.settings, foundation), **groups
    )


MODELS = {name: model_of(target) for name, target in TARGETS.items()}
"""By the foundation's target."""


def port_key(service: str) -> str:
    """The key path of a service's port on 127.0.0.1, below groundwork."""
    if service == "api":
        return "foundation.ports.api"
    return f"{service}.local_port" if service in RESERVED else f"workloads.{service}.local_port"
