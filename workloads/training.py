"""The training component: what a workload's trainings run as, and the template that they start from."""

import pulumi
import pulumi_tls as tls
from pulumi_kubernetes.batch.v1 import CronJob

from modules.core.component import Component
from modules.core.contracts import Cluster, Identity, ObjectStore, Registry, TableCatalog, Tracking
from modules.core.labels import Labels
from workloads.documents import held_out_template, signing_secret, trainer, training_template
from workloads.manifests import SIGNING_KEY, held_out_pod, job_template, training_pod
from workloads.settings import Workload, WorkloadSettings

COMPONENT, HELD_OUT = "training", "held-out"
DEADLINE_SECONDS = 900
"""For image pull, training and upload together; iris takes some 20 s."""
HELD_OUT_SECONDS, KEPT_SECONDS = 300, 3600
"""For image pull, download and split; and for a person to read its log."""


class Training(Component):
    """A service account, the key that signs models, and two suspended CronJobs: from one `groundwork train` and
    `groundwork reproduce` make Jobs, from the other `groundwork canary`, for the rows that a training held out.

    `protect`: the engine keeps the key, without which what serves could not be released again."""

    template: pulumi.Output[str]
    """Name of the CronJob."""
    public_key: pulumi.Output[str]
    """By which everybody else knows what the key has signed: PEM."""

    def __init__(
        self,
        name: str,
        *,
        workload: Workload,
        settings: WorkloadSettings,
        registry: Registry,
        image: str,
        namespace: pulumi.Input[str],
        cluster: Cluster,
        store: ObjectStore,
        catalog: TableCatalog | None,
        identity: Identity,
        tracking: Tracking,
        protect: bool,
        labels: Labels,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, labels=labels, opts=opts)
        account = trainer(name)
        self.service_account(
            account,
            account,
            component=COMPONENT,
            namespace=namespace,
            registry=registry,
            identity=identity.of(account, account),
        )
        key = tls.PrivateKey(f"{name}-signing-key", algorithm="ED25519", opts=self.child(protect=protect))
        self.public_key = key.public_key_pem
        self.secret(
            f"{name}-signing",
            signing_secret(name),
            values={SIGNING_KEY: key.private_key_pem},
            namespace=namespace,
            component=COMPONENT,
        )
        pod = training_pod(
            workload,
            cluster=cluster,
            image=image,
            resources=settings.training,
            account=account,
            store=store,
            catalog=catalog,
            tracking=tracking,
        )
        meta = self.pod_meta(cluster=cluster, component=COMPONENT, image=image)
        template = CronJob(
            training_template(name),
            metadata=self.meta(training_template(name), component=COMPONENT, namespace=namespace),
            spec=job_template(pod, meta, deadline_seconds=DEADLINE_SECONDS, retries=1),
            opts=self.child(),
        )
        self._declare_held_out(workload, settings, namespace, cluster=cluster, image=image, store=store)
        self.template = template.metadata.apply(lambda metadata: metadata.name or "")
        self.register_outputs({"template": self.template, "public_key": self.public_key})

    def _declare_held_out(
        self,
        workload: Workload,
        settings: WorkloadSettings,
        namespace: pulumi.Input[str],
        *,
        cluster: Cluster,
        image: str,
        store: ObjectStore,
    ) -> None:
        """It has neither the key that signs nor a way to MLflow: its component is none of those that may ask it."""
        pod = held_out_pod(
            workload,
            cluster=cluster,
            image=image,
            resources=settings.training,
            account=trainer(self.name),
            store=store,
        )
        meta = self.pod_meta(cluster=cluster, component=HELD_OUT, image=image)
        CronJob(
            held_out_template(self.name),
            metadata=self.meta(held_out_template(self.name), component=HELD_OUT, namespace=namespace),
            spec=job_template(pod, meta, deadline_seconds=HELD_OUT_SECONDS, retries=1, kept_seconds=KEPT_SECONDS),
            opts=self.child(),
        )
