"""The foundation that another stack made on AWS: of it only what belongs to the consumers is made here, their
namespaces, roles and databases."""

from collections.abc import Mapping

import pulumi
from pulumi_aws.provider import Provider

from modules.core.component import after
from modules.core.contracts import Consumer
from modules.core.images import require_image
from modules.core.labels import Labels
from modules.database.clients_aws import RdsClients, RdsServer, rds_database
from modules.database.external import Home
from modules.database.service import DATABASE
from modules.identity.access import identity, matrix, rows
from modules.identity.aws import Roles
from modules.identity.granted_aws import Grants
from modules.storage.aws import key_alias
from stacks.foundation import Foundation
from stacks.foundation.aws_kubeconfig import kubeconfig
from stacks.foundation.data import IMAGES, OWN
from stacks.foundation.eks_access import kubernetes_provider
from stacks.foundation.handover import Handover, read
from stacks.foundation.namespaces import deploy_namespaces
from stacks.settings import PlatformSettings


def deploy_on_stack(settings: PlatformSettings, labels: Labels, consumers: Mapping[str, Consumer]) -> Foundation:
    given = settings.of_stack
    assert given is not None
    return deploy_on(read(given, pulumi.get_stack()), settings, labels, consumers)


def deploy_on(
    handed: Handover, settings: PlatformSettings, labels: Labels, consumers: Mapping[str, Consumer]
) -> Foundation:
    """Return the foundation for the consumers of this stack. Raise UserError where an image was not built yet."""
    image = require_image(labels.environment, handed.registry, IMAGES[DATABASE.name])
    account, store = handed.account, handed.object_store
    database = rds_database(consumers, handed.database.reach.ranges)
    alias = key_alias(labels.environment)
    access = matrix(labels.environment, consumers, store=store, account=account, alias=alias, lake=None)
    known = identity(consumers, access, account, handed.tokens)
    aws = Provider("aws", region=account.region, allowed_account_ids=[account.id], opts=pulumi.ResourceOptions())
    name = handed.cluster.name
    cluster = kubernetes_provider(name, kubeconfig(name, handed.access.endpoint, handed.access.ca, account.region))
    grants = Grants()
    opts = pulumi.ResourceOptions(providers=[aws, cluster], transformations=[grants.note])
    namespaces = deploy_namespaces(
        {DATABASE.name: OWN[DATABASE.name], **dict(sorted(consumers.items()))},
        store=store,
        database=database,
        identity=known,
        cluster=handed.cluster,
        labels=labels,
        protected=(),
        opts=opts,
        quota=settings.foundation.namespace_quota,
    )
    clients = RdsClients(
        DATABASE.name,
        server=RdsServer(
            address=handed.server.address, password_secret=handed.server.password_secret, ca=handed.server.ca
        ),
        contract=database,
        home=Home(namespace=namespaces[DATABASE.name], cluster=handed.cluster, image=image, registry=handed.registry),
        namespaces=namespaces,
        labels=labels,
        opts=opts,
    )
    tags = {**handed.tags, "owner": labels.owner}
    roles = Roles("identity", access=access, issuer=handed.issuer, tags=tags, labels=labels, opts=opts)
    grants.require(access)
    granted = {
        name: [
            *(roles.granted[each.role] for each in access if each.consumer == name),
            *([clients.granted[name]] if name in clients.granted else []),
        ]
        for name in consumers
    }
    return Foundation(
        cluster=handed.cluster,
        registry=handed.registry,
        object_store=store,
        database=database,
        identity=known,
        entry=handed.entry,
        provider=cluster,
        namespaces={name: after(namespaces[name], *granted[name]) for name in consumers},
        images={IMAGES[DATABASE.name]: image},
        addresses={},
        outputs={"access": rows(access)},
    )
