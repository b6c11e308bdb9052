"""Airflow on a cluster: four processes over its database, logs in its bucket, tasks in the workloads' namespaces."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_kubernetes as k8s
import pulumi_random as random

from modules.core.access import database_variables, store_access
from modules.core.component import Component
from modules.core.contracts import Cluster, Database, Identity, ObjectStore, Registry
from modules.core.documents import plain
from modules.core.images import version_of
from modules.core.labels import VERSION, Labels
from modules.core.namespaces import NamespaceRef
from modules.core.naming import canonical_json, hashed
from modules.core.network import (
    allow_api,
    allow_clients,
    allow_egress,
    allow_ingress,
    pods_of,
    published_service,
)
from modules.core.pods import checksum

from . import documents
from .admission import binding, exec_policy, pods_policy
from .manifests import (
    LOG_PORTS,
    LOG_RULES,
    TASK_RULES,
    WORKER_RULES,
    Part,
    Secrets,
    migration_pod,
    part_pod,
    parts,
    worker_document,
)
from .settings import AirflowSettings

CONSUMER = "airflow"
"""Name of this service in the object store and the database."""


@dataclass(frozen=True, kw_only=True)
class Images:
    """References of the images that its pods run."""

    server: str
    sidecar: str
    """Of a task's pod, which hands the task's result over."""


@dataclass(frozen=True, kw_only=True)
class Workspace:
    """Where the tasks of one workload run."""

    namespace: pulumi.Input[str]
    pods: Mapping[str, Any]
    """The document of each task's pod, by task."""


class Airflow(Component):
    """`workspaces`: by workload. `clients`: the namespaces that may talk to its API, by client."""

    def __init__(
        self,
        name: str,
        *,
        settings: AirflowSettings,
        labels: Labels,
        cluster: Cluster,
        store: ObjectStore,
        database: Database,
        identity: Identity,
        registry: Registry,
        images: Images,
        namespace: NamespaceRef,
        workspaces: Mapping[str, Workspace],
        clients: Mapping[str, pulumi.Input[str]],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, labels=labels, opts=opts)
        self.settings = settings
        self.cluster = cluster
        self.store = store
        self.access = store_access(store, CONSUMER)
        self.database = database_variables(database)
        self.identity = identity
        self.registry = registry
        self.images = images
        self.namespace = namespace.ready
        self.namespace_name = namespace.name
        self.local = settings.executor == "LocalExecutor"
        values = self._values()
        self.secrets = Secrets(
            keys=self._secret("keys", values["keys"]),
            login=self._secret("login", values["login"]),
            connections=self._secret("connections", values["connections"]),
            database=database.credentials[CONSUMER],
        )
        files = {
            "airflow.cfg": documents.configuration(settings, namespace=namespace.name, store=store),
            **documents.task_pods({workload: each.pods for workload, each in workspaces.items()}),
        }
        self.configuration = hashed(name, files)
        self._config_map("configuration", self.configuration, files)
        document = None if self.local else self._worker_document()
        if cluster.admission_policies:
            self._admission(workspaces, document)
        self._workspaces(workspaces)
        migrated = self._migration()
        worker = None if document is None else self._worker(document)
        marks = {
            # Known once the tables are there.
            "groundwork.dev/migrated-by": migrated,
            "groundwork.dev/checksum": checksum(*(v for secret in values.values() for v in secret.values())),
        }
        for part in parts(settings):
            self._deploy(part, worker, marks)
        self._traffic(clients)
        self.register_outputs({})

    def _values(self) -> dict[str, dict[str, pulumi.Input[str]]]:
        """Content of each Secret of its own."""
        user, viewer = (self._generated(role) for role in ("user", "viewer"))
        fernet = random.RandomBytes(f"{self.name}-fernet-key", length=32, opts=self.child())
        return {
            "keys": {
                "fernet-key": fernet.base64.apply(documents.fernet_key),
                "jwt-secret": self._generated("jwt-secret", length=64),
                "secret-key": self._generated("secret-key"),
            },
            "login": {
                "username": documents.ADMINISTRATOR,
                documents.ADMINISTRATOR: self._generated("administrator"),
                "user": user,
                "viewer": viewer,
            },
            "connections": {
                "connections.json": documents.connections(self.store, self.images.sidecar),
                "variables.json": documents.variables(self.labels.environment, self.store),
            },
        }

    def _generated(self, role: str, *, length: int = 40) -> pulumi.Output[str]:
        return random.RandomPassword(f"{self.name}-{role}", length=length, special=False, opts=self.child()).result

    def _secret(self, role: str, values: Mapping[str, pulumi.Input[str]]) -> pulumi.Output[str]:
        made = self.secret(f"{self.name}-{role}", f"{self.name}-{role}", values=values, namespace=self.namespace)
        return made.metadata.name

    def _config_map(self, role: str, physical_name: str, files: Mapping[str, str]) -> None:
        self.config_map(f"{self.name}-{role}", physical_name, files=files, component="server", namespace=self.namespace)

    def _account(self, role: str) -> str:
        name = f"{self.name}-{role}"
        self.service_account(
            f"{name}-account",
            name,
            component=role,
            namespace=self.namespace,
            registry=self.registry,
            identity=self.identity.of(CONSUMER, name),
        )
        return name

    def _workspaces(self, workspaces: Mapping[str, Workspace]) -> None:
        """Where tasks run: what runs them may start pods in the workloads' namespaces, and nowhere else."""
        runner = "scheduler" if self.local else "worker"
        for workload in sorted(workspaces):
            self._grant(f"{self.name}-tasks", workload, workspaces[workload].namespace, runner, TASK_RULES)
        if not self.local:
            self._grant(f"{self.name}-workers", self.name, self.namespace, "scheduler", WORKER_RULES)
            self._grant(f"{self.name}-logs", self.name, self.namespace, "api-server", LOG_RULES)
        for role in {"scheduler"} if self.local else {"api-server", "scheduler", "worker"}:
            k8s.networking.v1.NetworkPolicy(
                f"{self.name}-{role}-allow-api",
                metadata=self.meta(f"allow-{role}-api", component="network-policy", namespace=self.namespace),
                spec=allow_api(self.selector(component=role)),
                opts=self.child(),
            )

    def _grant(
        self,
        role: str,
        where: str,
        namespace: pulumi.Input[str],
        runner: str,
        rules: list[k8s.rbac.v1.PolicyRuleArgs],
    ) -> None:
        k8s.rbac.v1.Role(
            f"{role}-{where}",
            metadata=self.meta(role, component="tasks", namespace=namespace),
            rules=rules,
            opts=self.child(),
        )
        k8s.rbac.v1.RoleBinding(
            f"{role}-{where}-binding",
            metadata=self.meta(role, component="tasks", namespace=namespace),
            role_ref=k8s.rbac.v1.RoleRefArgs(api_group="rbac.authorization.k8s.io", kind="Role", name=role),
            subjects=[
                k8s.rbac.v1.SubjectArgs(kind="ServiceAccount", name=f"{self.name}-{runner}", namespace=self.namespace)
            ],
            opts=self.child(),
        )

    def _migration(self) -> pulumi.Output[str]:
        """The Job that makes the database's tables, or brings them to the image's version; its name, once it did."""
        spec = migration_pod(
            cluster=self.cluster,
            image=self.images.server,
            account=self._account("migration"),
            secrets=self.secrets,
            database=self.database,
            resources=self.settings.parts.dag_processor,
        )
        made = k8s.batch.v1.Job(
            f"{self.name}-migration",
            metadata=self.meta(
                # All of it: a Job of the same name would have to be deleted first, and all that waits for it, too.
                hashed(f"{self.name}-migration", plain(spec)),
                component="migration",
                namespace=self.namespace,
            ),
            spec=k8s.batch.v1.JobSpecArgs(
                backoff_limit=4,
                template=k8s.core.v1.PodTemplateSpecArgs(
                    metadata=self.pod_meta(cluster=self.cluster, component="migration", image=self.images.server),
                    spec=spec,
                ),
            ),
            opts=self.child(),
        )
        return made.metadata.name

    def _admission(self, workspaces: Mapping[str, Workspace], worker: Mapping[str, Any] | None) -> None:
        """What the accounts of this namespace may start where they have rights."""
        ours = self.namespace_name
        for workload, each in sorted(workspaces.items()):
            spec = pods_policy(each.pods.values(), accounts_of=ours, images=[self.images.sidecar])
            self._policy(f"tasks-{workload}", spec, [each.namespace])
        if workspaces:
            self._policy("exec", exec_policy(accounts_of=ours), [each.namespace for each in workspaces.values()])
        if worker is not None:
            self._policy("workers", pods_policy([worker], accounts_of=ours), [self.namespace])

    def _policy(
        self,
        role: str,
        spec: k8s.admissionregistration.v1.ValidatingAdmissionPolicySpecArgs,
        namespaces: list[pulumi.Input[str]],
    ) -> None:
        # It belongs to the whole cluster, where other environments have theirs.
        meta = self.meta(f"{self.namespace_name}-{role}", component="admission")
        made = k8s.admissionregistration.v1.ValidatingAdmissionPolicy(
            f"{self.name}-{role}-policy", metadata=meta, spec=spec, opts=self.child()
        )
        k8s.admissionregistration.v1.ValidatingAdmissionPolicyBinding(
            f"{self.name}-{role}-policy-binding",
            metadata=meta,
            spec=binding(made.metadata.name, namespaces),
            opts=self.child(),
        )

    def _worker_document(self) -> dict[str, Any]:
        """The pod that the KubernetesExecutor starts for each task."""
        return worker_document(
            cluster=self.cluster,
            image=self.images.server,
            account=self._account("worker"),
            store=self.store,
            access=self.access,
            configuration=self.configuration,
            connections=f"{self.name}-connections",
            resources=self.settings.parts.worker,
            labels={**self.labels.of(self.name, component="worker"), VERSION: version_of(self.images.server)},
        )

    def _worker(self, document: Mapping[str, Any]) -> str:
        """That pod as a ConfigMap; its name."""
        files = {"pod.json": canonical_json(document)}
        self._config_map("worker", hashed(f"{self.name}-worker", files), files)
        return hashed(f"{self.name}-worker", files)

    def _deploy(self, part: Part, worker: str | None, marks: Mapping[str, pulumi.Input[str]]) -> None:
        selector = self.selector(component=part.role)
        spec = part_pod(
            part,
            cluster=self.cluster,
            image=self.images.server,
            account=self._account(part.role),
            store=self.store,
            access=self.access,
            configuration=self.configuration,
            worker=worker,
            secrets=self.secrets,
            database=self.database,
        )
        k8s.apps.v1.Deployment(
            f"{self.name}-{part.role}",
            metadata=self.meta(f"{self.name}-{part.role}", component=part.role, namespace=self.namespace),
            spec=k8s.apps.v1.DeploymentSpecArgs(
                replicas=1,
                # Never two at once: the newer one's tables are not the older one's.
                strategy=k8s.apps.v1.DeploymentStrategyArgs(type="Recreate"),
                selector=k8s.meta.v1.LabelSelectorArgs(match_labels=selector),
                template=k8s.core.v1.PodTemplateSpecArgs(
                    metadata=self.pod_meta(
                        cluster=self.cluster, component=part.role, image=self.images.server, annotations=marks
                    ),
                    spec=spec,
                ),
            ),
            opts=self.child(),
        )

    def _traffic(self, clients: Mapping[str, pulumi.Input[str]]) -> None:
        """Airflow's own pods are clients of its API, too; the API server reads the logs of what runs something."""
        published_service(
            self,
            f"{self.name}-service",
            documents.SERVICE,
            component="api-server",
            namespace=self.namespace,
            ports={"http": documents.PORT},
            cluster=self.cluster,
            local_port=self.settings.local_port,
        )
        allow_clients(
            self,
            component="api-server",
            namespace=self.namespace,
            port=documents.PORT,
            clients={**clients, self.name: self.namespace},
        )
        for role, port in LOG_PORTS.items():
            pods = self.selector(component=role)
            ends = {
                "from": allow_ingress(pods, peers=[pods_of(self.namespace)], port=port),
                "to": allow_egress(pods, namespace=self.namespace, port=port),
            }
            for end, spec in ends.items():
                k8s.networking.v1.NetworkPolicy(
                    f"{self.name}-logs-{end}-{role}",
                    metadata=self.meta(f"logs-{end}-{role}", component="network-policy", namespace=self.namespace),
                    spec=spec,
                    opts=self.child(),
                )
