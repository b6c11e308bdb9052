"""The training component: what a workload's trainings run as, and the template that they start from."""

import pulumi
import pulumi_tls as tls
from pulumi_kubernetes.batch.v1 import CronJob

from modules.core.component import Component
from modules.core.contracts import Cluster, Identity, ObjectStore, Registry, Tracking
from modules.core.labels import Labels
from workloads.documents import signing_secret, trainer, training_template
from workloads.manifests import SIGNING_KEY, job_template, training_pod
from workloads.settings import Workload, WorkloadSettings

COMPONENT = "training"
DEADLINE_SECONDS = 900
"""For image pull, training and upload together; iris takes some 20 s."""


class Training(Component):
    """A service account, the key that signs models, and a suspended CronJob, from which `groundwork train` and
    `groundwork reproduce` make Jobs.

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
            tracking=tracking,
        )
        meta = self.pod_meta(cluster=cluster, component=COMPONENT, image=image)
        template = CronJob(
            training_template(name),
            metadata=self.meta(training_template(name), component=COMPONENT, namespace=namespace),
            spec=job_template(pod, meta, deadline_seconds=DEADLINE_SECONDS, retries=1),
            opts=self.child(),
        )
        self.template = template.metadata.apply(lambda metadata: metadata.name or "")
        self.register_outputs({"template": self.template, "public_key": self.public_key})
