"""The foundation on an account of AWS: network, cluster and data services are made with the platform."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s

from modules.cluster.aws import EksCluster
from modules.cluster.ebs import EbsClass
from modules.core.component import after
from modules.core.contracts import (
    LAYERS,
    Cluster,
    Consumer,
    Database,
    Identity,
    ObjectStore,
    Reach,
    Registry,
    TableCatalog,
)
from modules.core.images import require_image
from modules.core.labels import Labels
from modules.core.lake import database_name
from modules.core.settings import PROJECT
from modules.database.aws import Place, RdsDatabase
from modules.database.clients_aws import RdsClients, RdsServer, rds_database
from modules.database.external import Home
from modules.database.service import DATABASE
from modules.identity.access import Access, identity, matrix, rows
from modules.network.aws import EVERYWHERE
from modules.network.plan import plan, private_range
from modules.nodes.documents import device_plugin
from modules.registry.ecr import ecr_registry
from modules.storage.aws import aws_store, key_alias
from stacks.foundation import Foundation
from stacks.foundation.account_aws import Account, physical_name
from stacks.foundation.aws_kubeconfig import kubeconfig
from stacks.foundation.aws_settings import DATABASE_CA, HTTPS, NODES, AwsSettings
from stacks.foundation.data import IMAGES, OWN, read_ca
from stacks.foundation.eks_access import kubernetes_provider
from stacks.foundation.handover import OUTPUT, VERSION, ClusterAccess, DatabaseServer, Handover, document
from stacks.foundation.karpenter import deploy_karpenter, own_access, own_consumers
from stacks.foundation.namespaces import deploy_namespaces
from stacks.foundation.pods import pod_rules
from stacks.settings import PlatformSettings
from workloads.artifacts import TABLES

TOKENS, CATALOG = "sts", "glue"
"""The services of AWS that give pods what they sign requests with, and that has the lake's tables."""
NAME_SERVERS = Reach(port=53, namespace="kube-system", labels={"k8s-app": "kube-dns"})
"""CoreDNS, as EKS runs it."""


@dataclass(frozen=True, kw_only=True)
class Described:
    """The contracts, which are known before anything is made."""

    cluster: Cluster
    registry: Registry
    store: ObjectStore
    catalog: TableCatalog | None
    database: Database
    access: Sequence[Access]
    identity: Identity


def describe(given: AwsSettings, environment: str, consumers: Mapping[str, Consumer]) -> Described:
    """Return the contracts of an environment."""
    account = given.aws_account
    name = physical_name(environment)
    store = aws_store(environment, account, given.service_ranges)
    access = [
        *matrix(
            environment,
            consumers,
            store=store,
            account=account,
            alias=key_alias(environment),
            lake=None if given.lake is None else TABLES,
        ),
        *own_access(given, environment, name),
    ]
    intra = [each.range for each in plan(given.network.range, given.network.zones) if each.kind == "intra"]

    def reached(service: str) -> Reach:
        """An endpoint's addresses are in the network, whatever those of the service are elsewhere."""
        own = intra if service in given.network.endpoints and EVERYWHERE not in given.service_ranges else ()
        return Reach(port=HTTPS, ranges=[*given.service_ranges, *own])

    cluster = Cluster(
        name=name,
        # The control plane's addresses are in the same network, and no pods'.
        pod_range=private_range(given.network.range),
        dns=NAME_SERVERS,
        storage_class=name,
        publisher=None,
        pods=pod_rules(given.pods),
    )
    return Described(
        cluster=cluster,
        registry=ecr_registry(environment, account),
        store=store,
        catalog=None
        if given.lake is None
        else TableCatalog(
            scheme="glue",
            reach=reached(CATALOG),
            databases={layer: database_name(environment, layer) for layer in LAYERS},
        ),
        database=rds_database(consumers, intra),
        access=access,
        identity=identity({**consumers, **own_consumers(given)}, access, account, reached(TOKENS)),
    )


def deploy_aws(settings: PlatformSettings, labels: Labels, consumers: Mapping[str, Consumer]) -> Foundation:
    given = settings.aws
    assert given is not None
    environment = labels.environment
    described = describe(given, environment, consumers)
    own = {DATABASE.name: OWN[DATABASE.name]} if given.deploys_services else {}
    images = {IMAGES[name]: require_image(environment, described.registry, IMAGES[name]) for name in own}
    ca = read_ca(os.environ.get(DATABASE_CA, given.database.ca), f"{PROJECT}:foundation.database.ca")
    assert ca is not None
    account = Account(settings, given, labels)
    network = account.network()
    eks, nodes, opened = account.cluster(network)
    provider = _kubernetes(described.cluster.name, opened, eks, given.region)
    on_cluster = pulumi.ResourceOptions(providers=[account.provider, provider], transformations=[account.grants.note])
    volumes = EbsClass("volumes", physical_name=described.cluster.name, labels=labels, opts=on_cluster)
    namespaces = deploy_namespaces(
        {**own, **own_consumers(given), **dict(sorted(consumers.items()))},
        store=described.store,
        database=described.database,
        identity=described.identity,
        cluster=described.cluster,
        labels=labels,
        protected=(),
        opts=on_cluster,
        quota=given.namespace_quota,
        catalog=described.catalog,
    )
    server = RdsDatabase(
        DATABASE.name,
        settings=given.database,
        account=given.aws_account,
        server_name=described.cluster.name,
        place=Place(vpc_id=network.vpc_id, subnets=network.subnet_ids["intra"], clients=eks.security_group),
        ca=ca,
        safeguards=account.safeguards,
        protect=settings.protect_data,
        tags=account.tags,
        labels=labels,
        opts=account.opts,
    )
    clients: Mapping[str, pulumi.Output[str]] = {}
    if given.deploys_services:
        clients = RdsClients(
            DATABASE.name,
            server=server.server,
            contract=described.database,
            home=_home(described, namespaces, images),
            namespaces=namespaces,
            labels=labels,
            opts=on_cluster,
        ).granted
    granted = account.access(described.access, described.store, eks, consumers)
    if given.brings_nodes:
        images |= deploy_karpenter(
            given,
            cluster=described.cluster,
            registry=described.registry,
            identity=described.identity,
            ready_namespace=after(namespaces[NODES], *granted[NODES]),
            namespaces=namespaces,
            instance_profile=nodes.instance_profile,
            queue=nodes.queue,
            labels=labels,
            opts=on_cluster,
        )
    account.grants.require(described.access)
    return Foundation(
        cluster=described.cluster,
        registry=described.registry,
        object_store=described.store,
        catalog=described.catalog,
        database=described.database,
        identity=described.identity,
        entry=given.reached.entry(account.tags),
        provider=provider,
        namespaces={
            name: after(
                namespaces[name],
                volumes.storage_class,
                *granted.get(name, ()),
                *([clients[name]] if name in clients else ()),
            )
            for name in consumers
        },
        images=images,
        addresses={},
        outputs={
            "access": rows(described.access),
            **({"device_plugin": plugin} if (plugin := device_plugin(given.nodes.pools)) else {}),
            **({} if given.deploys_services else {OUTPUT: _handed_over(account, described, eks, server.server)}),
        },
    )


def deploy_registry(settings: PlatformSettings, labels: Labels) -> None:
    """Create the registry alone: what is pushed to it is there before a pod waits for it."""
    assert settings.aws is not None
    Account(settings, settings.aws, labels).registry()


def _home(described: Described, namespaces: Mapping[str, pulumi.Output[str]], images: Mapping[str, str]) -> Home:
    return Home(
        namespace=namespaces[DATABASE.name],
        cluster=described.cluster,
        image=images[IMAGES[DATABASE.name]],
        registry=described.registry,
    )


def _kubernetes(name: str, opened: pulumi.Output[str], eks: EksCluster, region: str) -> k8s.Provider:
    document = pulumi.Output.all(opened, eks.endpoint, eks.ca).apply(
        lambda known: kubeconfig(str(known[0]), str(known[1]), str(known[2]), region)
    )
    return kubernetes_provider(name, document)


def _handed_over(account: Account, described: Described, eks: EksCluster, server: RdsServer) -> pulumi.Output[str]:
    """Return the document by which another stack deploys services on the foundation."""
    given = account.given
    assert given.services_stack is not None
    assert described.identity.reach is not None
    services_stack, tokens = given.services_stack, described.identity.reach
    known = pulumi.Output.all(
        issuer=eks.issuer,
        endpoint=eks.endpoint,
        ca=eks.ca,
        address=server.address,
        password_secret=server.password_secret,
    )
    return known.apply(
        lambda made: document(
            Handover(
                version=VERSION,
                environment=account.labels.environment,
                services_stack=services_stack,
                account=given.aws_account,
                tags=account.tags,
                cluster=described.cluster,
                access=ClusterAccess(endpoint=made["endpoint"], ca=made["ca"]),
                registry=described.registry,
                object_store=described.store,
                database=described.database,
                server=DatabaseServer(address=made["address"], password_secret=made["password_secret"], ca=server.ca),
                issuer=made["issuer"],
                tokens=tokens,
                entry=given.reached.entry(account.tags),
            )
        )
    )
