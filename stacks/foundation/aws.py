"""The foundation on an account of AWS: network, cluster and data services are made with the platform."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s
from pulumi_aws.provider import Provider

from modules.budget.aws import MonthlyBudget
from modules.cluster.aws import Addons, EksCluster
from modules.cluster.ebs import EbsClass
from modules.core.component import after
from modules.core.contracts import Cluster, Consumer, Database, Identity, ObjectStore, Reach, Registry
from modules.core.errors import UserError
from modules.core.images import require_image
from modules.core.labels import Labels
from modules.core.protection import Safeguards, safeguards
from modules.core.settings import PROJECT
from modules.database.aws import Place, RdsDatabase
from modules.database.clients_aws import RdsClients, RdsServer, rds_database
from modules.database.external import Home
from modules.database.service import DATABASE
from modules.identity.access import Access, identity, matrix, rows
from modules.identity.aws import Roles
from modules.identity.granted_aws import Grants
from modules.network.aws import EVERYWHERE, Network
from modules.network.plan import plan, private_range
from modules.nodes.aws import Nodes
from modules.nodes.documents import device_plugin
from modules.registry.aws import EcrRegistry, ecr_registry
from modules.storage.aws import AwsStore, aws_store, key_alias
from modules.storage.service import STORAGE
from stacks.foundation import Foundation
from stacks.foundation.aws_settings import HTTPS, NODES, AwsSettings
from stacks.foundation.data import IMAGES, OWN, read_ca
from stacks.foundation.eks_access import kubeconfig, kubernetes_provider
from stacks.foundation.handover import OUTPUT, VERSION, ClusterAccess, DatabaseServer, Handover, document
from stacks.foundation.karpenter import deploy_karpenter, own_access, own_consumers
from stacks.foundation.namespaces import deploy_namespaces
from stacks.foundation.pods import pod_rules
from stacks.services import images as all_images
from stacks.settings import PlatformSettings

TOKENS = "sts"
"""The service of AWS that gives pods what they sign requests with."""
NAME_SERVERS = Reach(port=53, namespace="kube-system", labels={"k8s-app": "kube-dns"})
"""CoreDNS, as EKS runs it."""


@dataclass(frozen=True, kw_only=True)
class Described:
    """The contracts, which are known before anything is made."""

    cluster: Cluster
    registry: Registry
    store: ObjectStore
    database: Database
    access: Sequence[Access]
    identity: Identity


def describe(given: AwsSettings, environment: str, consumers: Mapping[str, Consumer]) -> Described:
    """Return the contracts of an environment."""
    account = given.aws_account
    name = physical_name(environment)
    store = aws_store(environment, account, given.service_ranges)
    access = [
        *matrix(environment, consumers, store=store, account=account, alias=key_alias(environment)),
        *own_access(given, environment, name),
    ]
    intra = [each.range for each in plan(given.network.range, given.network.zones) if each.kind == "intra"]
    # An endpoint's addresses are in the network, whatever those of the service are elsewhere.
    own = intra if TOKENS in given.network.endpoints and EVERYWHERE not in given.service_ranges else ()
    tokens = [*given.service_ranges, *own]
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
        database=rds_database(consumers, intra),
        access=access,
        identity=identity({**consumers, **own_consumers(given)}, access, account, Reach(port=HTTPS, ranges=tokens)),
    )


def physical_name(environment: str) -> str:
    """Return the name of the cluster, and of what there is once in an environment. Raise UserError where RDS would
    refuse it for its server, long after the rest is made."""
    if "--" in environment:
        raise UserError(
            f"environment {environment!r} has two dashes in a row, which RDS takes in no name: choose another stack's "
            "name"
        )
    return f"groundwork-{environment}"


def deploy_aws(settings: PlatformSettings, labels: Labels, consumers: Mapping[str, Consumer]) -> Foundation:
    given = settings.aws
    assert given is not None
    environment = labels.environment
    described = describe(given, environment, consumers)
    own = {DATABASE.name: OWN[DATABASE.name]} if given.deploys_services else {}
    images = {IMAGES[name]: require_image(environment, described.registry, IMAGES[name]) for name in own}
    ca = read_ca(given.database.ca, f"{PROJECT}:foundation.database.ca")
    assert ca is not None
    account = _Account(settings, given, labels)
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
            formerly=server,
            labels=labels,
            opts=on_cluster,
        ).granted
    granted = account.access(described.access, eks)
    if given.brings_nodes:
        images |= deploy_karpenter(
            given,
            cluster=described.cluster,
            registry=described.registry,
            identity=described.identity,
            ready_namespace=after(namespaces[NODES], *granted[NODES]),
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


def _home(described: Described, namespaces: Mapping[str, pulumi.Output[str]], images: Mapping[str, str]) -> Home:
    return Home(
        namespace=namespaces[DATABASE.name],
        cluster=described.cluster,
        image=images[IMAGES[DATABASE.name]],
        registry=described.registry,
    )


class _Account:
    """What is made in the account, beside the database, which is of the cluster too."""

    def __init__(self, settings: PlatformSettings, given: AwsSettings, labels: Labels) -> None:
        self.settings, self.given, self.labels = settings, given, labels
        self.name = physical_name(labels.environment)
        self.tags = given.tags(labels)
        self.safeguards: Safeguards = safeguards(given.protection)
        self.provider = Provider(
            "aws",
            region=given.region,
            # With the credentials of another account nothing is made there.
            allowed_account_ids=[given.account],
            opts=pulumi.ResourceOptions(),
        )
        self.grants = Grants()
        self.opts = pulumi.ResourceOptions(providers=[self.provider], transformations=[self.grants.note])

    def network(self) -> Network:
        return Network(
            "network",
            settings=self.given.network,
            account=self.given.aws_account,
            cluster=self.name,
            zones=self.given.zone_names,
            safeguards=self.safeguards,
            tags=self.tags,
            labels=self.labels,
            opts=self.opts,
        )

    def cluster(self, network: Network) -> tuple[EksCluster, Nodes, pulumi.Output[str]]:
        """Return the cluster, its nodes, and its name, known once pods run in it."""
        eks = EksCluster(
            "cluster",
            settings=self.given.cluster,
            account=self.given.aws_account,
            cluster_name=self.name,
            subnets=network.subnet_ids["intra"],
            service_range=self.given.network.service_range,
            safeguards=self.safeguards,
            tags=self.tags,
            labels=self.labels,
            opts=self.opts,
        )
        nodes = Nodes(
            "nodes",
            settings=self.given.nodes,
            account=self.given.aws_account,
            cluster=eks.cluster,
            cluster_name=self.name,
            version=self.given.cluster.version,
            security_group=eks.security_group,
            subnets=network.subnet_ids["private"],
            kms_key=None,
            tags=self.tags,
            key=f"{PROJECT}:foundation.nodes.pools",
            labels=self.labels,
            opts=self.opts,
        )
        addons = Addons(
            "addons",
            settings=self.given.cluster.addons,
            account=self.given.aws_account,
            cluster=nodes.cluster,
            cluster_name=self.name,
            issuer=eks.issuer,
            tags=self.tags,
            labels=self.labels,
            opts=self.opts,
        )
        return eks, nodes, addons.cluster

    def access(self, access: Sequence[Access], eks: EksCluster) -> dict[str, list[pulumi.Output[str]]]:
        """Create what service accounts and nodes get from the account: buckets, images and roles. Return by consumer
        what is known once its accounts may do what was declared."""
        store = AwsStore(
            STORAGE.name,
            settings=self.given.buckets,
            account=self.given.aws_account,
            tags=self.tags,
            protect=self.settings.protect_data,
            safeguards=self.safeguards,
            labels=self.labels,
            opts=self.opts,
        )
        EcrRegistry(
            "registry",
            images=[image.name for image in all_images()],
            safeguards=self.safeguards,
            tags=self.tags,
            labels=self.labels,
            opts=self.opts,
        )
        roles = Roles("identity", access=access, issuer=eks.issuer, tags=self.tags, labels=self.labels, opts=self.opts)
        if self.given.budget is not None:
            MonthlyBudget("budget", settings=self.given.budget, tags=self.tags, labels=self.labels, opts=self.opts)
        granted: dict[str, list[pulumi.Output[str]]] = {}
        for each in access:
            # Who brings nodes uses no bucket.
            before = [] if each.consumer == NODES else [*store.buckets.values()]
            granted.setdefault(each.consumer, before).append(roles.granted[each.role])
        return granted


def _kubernetes(name: str, opened: pulumi.Output[str], eks: EksCluster, region: str) -> k8s.Provider:
    document = pulumi.Output.all(opened, eks.endpoint, eks.ca).apply(
        lambda known: kubeconfig(str(known[0]), str(known[1]), str(known[2]), region)
    )
    return kubernetes_provider(name, document)


def _handed_over(account: _Account, described: Described, eks: EksCluster, server: RdsServer) -> pulumi.Output[str]:
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
