"""A cluster of EKS that is a real one, with all that pods need of the account: who gets in, which
nodes, databases, images, names, volumes and rights it has, and that nothing of it is left. Root."""

import base64
import json
import socket
import struct
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from embedded.aws import command
from embedded.aws.node_network import in_network
from embedded.cluster.host import TOOLS, routes
from embedded.cluster.layout import Layout
from modules.core.aws import TokenIssuer, policy, token_trust
from modules.core.contracts import Grant, Registry
from modules.core.errors import UserError
from modules.core.grants import object_statements
from modules.registry.access import RegistryAccess
from modules.registry.logins import Login
from modules.registry.remote import Remote
from scripts.cli.lifecycle.host import ensure_packages
from tests.kubectl_image import push_kubectl
from tests.processes import serving

from ..project import Project
from .conftest import REGION, clients
from .eks_cluster import NAME, POLICY, Eks, add_group, allow
from .pods import (
    NAMES,
    NAMESPACE,
    NOBODY,
    READER,
    WEB,
    balanced,
    claim,
    names_and_https_only,
    namespace,
    python_pod,
    service_account,
    storage_class,
)
from .search import ACCOUNT

NETWORK = "10.92.0.0/16"
TRUSTED = {"AWS": "*", "Service": ["eks.amazonaws.com", "ec2.amazonaws.com"]}
TRUST = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": TRUSTED}
NEEDED = {**TOOLS, "pg_ctlcluster": "postgresql", "psql": "postgresql-client"}
"""Debian package by the program that it is needed for."""
ZONES = ("us-east-1a", "us-east-1b")


@pytest.fixture(scope="module")
def machine(toolchain: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The address of an account whose clusters run here, and the folder of their data. At its end none is left."""
    home = tmp_path_factory.mktemp("machine")
    ensure_packages(print, home / "packages.log", NEEDED)
    where = ["--machine", str(home), "--tools", str(toolchain), "--registry", str(home / "registry")]
    with serving("-I", "-m", "embedded.aws", *where) as (address,):
        yield address, home
    assert list((home / "clusters").iterdir()) == []
    assert not ways()


def ways() -> list[Any]:
    """This machine's routes to the cluster."""
    return [route for route in routes() if str(route["dst"]).startswith(NETWORK.removesuffix("0.0/16"))]


@pytest.fixture(scope="module")
def eks(machine: tuple[str, Path], toolchain: Path) -> Eks:
    address, home = machine
    aws = clients(address)
    command.install(home / "bin", Path(sys.executable))
    trust = json.dumps({"Version": "2012-10-17", "Statement": [TRUST]})
    roles = ("control-plane", "worker", "deployer", "viewer", "stranger")
    arns = {
        name: aws("iam").create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"] for name in roles
    }
    vpc = aws("ec2").create_vpc(CidrBlock=NETWORK)["Vpc"]["VpcId"]
    subnets = [
        aws("ec2").create_subnet(VpcId=vpc, CidrBlock=f"10.92.{n}.0/24", AvailabilityZone=zone)["Subnet"]["SubnetId"]
        for n, zone in enumerate(ZONES)
    ]
    made = aws("eks").create_cluster(
        name=NAME,
        roleArn=arns["control-plane"],
        resourcesVpcConfig={"subnetIds": subnets},
        accessConfig={"authenticationMode": "API", "bootstrapClusterCreatorAdminPermissions": False},
    )
    assert made["cluster"]["status"] == "CREATING"
    waiter: Any = aws("eks").get_waiter("cluster_active")
    waiter.wait(name=NAME, WaiterConfig={"Delay": 1, "MaxAttempts": 600})
    found = aws("eks").describe_cluster(name=NAME)["cluster"]
    eks = Eks(address=address, aws=aws, cluster=found, roles=arns, tools=toolchain, home=home)
    for role, allowed in (("deployer", "ClusterAdminPolicy"), ("viewer", "ViewPolicy")):
        aws("eks").create_access_entry(clusterName=NAME, principalArn=arns[role])
        allow(eks, role, allowed)
    return eks


def test_the_endpoint_is_an_api_server_with_the_authority_that_the_account_names(eks: Eks) -> None:
    assert eks.cluster["endpoint"] == "https://10.92.0.1:6443"
    user = json.loads(eks.kubectl("deployer", "auth", "whoami", "-o", "json"))["status"]["userInfo"]
    assert user["username"] == eks.roles["deployer"]


def test_each_gets_in_by_an_access_entry_and_may_do_what_its_policies_say(eks: Eks) -> None:
    assert "has no access entry" in eks.kubectl("stranger", "get", "namespaces", check=False)
    eks.kubectl("deployer", "create", "secret", "generic", "own", "--from-literal=a=b")
    assert "kubernetes" in eks.kubectl("viewer", "get", "services")
    assert "forbidden" in eks.kubectl("viewer", "get", "secrets", check=False)
    gone = {"clusterName": NAME, "principalArn": eks.roles["viewer"]}
    eks.aws("eks").disassociate_access_policy(**gone, policyArn=POLICY.format("ViewPolicy"))
    assert "forbidden" in eks.kubectl("viewer", "get", "services", check=False)
    allow(eks, "viewer", "AdminPolicy")
    assert "own" in eks.kubectl("viewer", "get", "secrets")


def test_tokens_of_service_accounts_are_of_the_issuer_that_the_account_names(eks: Eks) -> None:
    token = eks.kubectl("deployer", "create", "token", "default", "--audience", "sts.amazonaws.com")
    body = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(f"{body}{'=' * (-len(body) % 4)}"))
    assert claims["iss"] == eks.cluster["identity"]["oidc"]["issuer"]


def test_nodes_come_with_node_groups_change_with_them_and_go(eks: Eks) -> None:
    def nodes() -> dict[str, Any]:
        found = json.loads(eks.kubectl("deployer", "get", "nodes", "-o", "json"))["items"]
        return {node["metadata"]["name"]: node for node in found}

    (real,) = nodes()
    assert nodes()[real]["spec"]["unschedulable"]
    add_group(eks, "system", 1, labels={"pool": "system"}, instanceTypes=["m6i.large"])
    add_group(eks, "gpu", 2, instanceTypes=["g5.12xlarge"])
    found = nodes()
    assert set(found) == {real, "gpu-0", "gpu-1"}
    assert not found[real]["spec"].get("unschedulable")
    assert found[real]["metadata"]["labels"]["pool"] == "system"
    assert found["gpu-1"]["status"]["capacity"]["nvidia.com/gpu"] == "4"
    group = {"clusterName": NAME, "nodegroupName": "gpu"}
    eks.aws("eks").update_nodegroup_config(**group, scalingConfig={"minSize": 0, "desiredSize": 0, "maxSize": 3})
    assert set(nodes()) == {real}
    eks.aws("eks").delete_nodegroup(**group)
    eks.aws("eks").delete_nodegroup(clusterName=NAME, nodegroupName="system")
    assert nodes()[real]["spec"]["unschedulable"]


def test_a_database_is_a_real_one_in_the_clusters_network(eks: Eks) -> None:
    rds, wanted = eks.aws("rds"), {"DBInstanceIdentifier": NAME}
    subnets = [eks.subnet(f"10.92.{number}.0/24", zone) for number, zone in zip((240, 241), ZONES, strict=True)]
    rds.create_db_subnet_group(DBSubnetGroupName=NAME, DBSubnetGroupDescription="intra", SubnetIds=subnets)
    made = rds.create_db_instance(
        **wanted,
        DBInstanceClass="db.t4g.medium",
        Engine="postgres",
        AllocatedStorage=20,
        MasterUsername="administrator",
        ManageMasterUserPassword=True,
        DBSubnetGroupName=NAME,
    )
    assert made["DBInstance"]["DBInstanceStatus"] == "creating"
    waiter: Any = rds.get_waiter("db_instance_available")
    waiter.wait(**wanted, WaiterConfig={"Delay": 1, "MaxAttempts": 600})
    (found,) = rds.describe_db_instances(**wanted)["DBInstances"]
    secret: Any = eks.aws("secretsmanager").get_secret_value(SecretId=found["MasterUserSecret"]["SecretArn"])
    login: Any = json.loads(secret["SecretString"])
    assert login["username"] == "administrator"
    host: str = found["Endpoint"]["Address"]
    assert resolved(host, "10.92.0.1") == "10.92.240.10"

    ask = Asking(eks, host, login["password"])
    assert ask("SELECT rolsuper, rolcreatedb FROM pg_roles WHERE rolname = current_user") == "f|t"
    ask("CREATE ROLE own LOGIN PASSWORD 'own'; GRANT own TO current_user")
    ask("CREATE DATABASE own OWNER own")
    assert "no encryption" in ask("SELECT 1", tls="disable")
    assert "authentication failed" in Asking(eks, host, "wrong")("SELECT 1")

    rds.delete_db_instance(**wanted, SkipFinalSnapshot=True)
    assert "refused" in ask("SELECT 1")
    assert list((eks.home / "databases").iterdir()) == []
    rds.delete_db_subnet_group(DBSubnetGroupName=NAME)


@dataclass(frozen=True)
class Asking:
    """A client of a database in the network of the cluster, where pods are."""

    eks: Eks
    host: str
    password: str

    def __call__(self, statement: str, tls: str = "verify-full") -> str:
        (state,) = (self.eks.home / "clusters").iterdir()
        authority = self.eks.home / "authority/pki/ca.crt"
        where = f"host={self.host} hostaddr=10.92.240.10 user=administrator dbname=postgres"
        asked = ["psql", "-XAtq", "-c", statement, f"{where} sslmode={tls} sslrootcert={authority}"]
        environment = {"PATH": "/usr/bin:/bin", "PGPASSWORD": self.password}
        command = [*in_network(Layout(state)), *asked]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        return done.stdout.strip() if done.returncode == 0 else done.stderr


def resolved(name: str, server: str) -> str:
    """The IPv4 address by which a name server knows a name; nothing where it knows none."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    question = labels + b"\0" + struct.pack(">HH", 1, 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        asked.settimeout(10)
        asked.sendto(struct.pack(">HHHHHH", 1, 0x100, 1, 0, 0, 0) + question, (server, 53))
        answer = asked.recv(512)
    count = struct.unpack(">H", answer[6:8])[0]
    return socket.inet_ntoa(answer[-4:]) if count else ""


def test_images_are_pushed_by_ecrs_login_and_run_by_the_names_that_it_gives_them(eks: Eks, tmp_path: Path) -> None:
    ecr = eks.aws("ecr")
    name: str = ecr.create_repository(repositoryName="eks-test/kubectl")["repository"]["repositoryUri"]
    assert name == f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/eks-test/kubectl"
    (given,) = ecr.get_authorization_token()["authorizationData"]
    user, _, password = base64.b64decode(given["authorizationToken"]).decode().partition(":")
    registry = Registry(push=f"{given['proxyEndpoint'].removeprefix('https://')}/eks-test", pull="")
    access = RegistryAccess(ca=eks.home / "authority/pki/ca.crt", own=True, advice="")
    with Remote(registry, access) as opened, pytest.raises(UserError, match="wants a login"):
        opened.find({"kubectl": "1"})
    login = Login(username=user, password=password, source="ecr")
    with Remote(registry, replace(access, login=login)) as opened:
        digest = push_kubectl(opened, eks.tools, tmp_path, "1")
    (held,) = ecr.describe_images(repositoryName="eks-test/kubectl")["imageDetails"]
    assert (held["imageDigest"], held["imageTags"]) == (digest, ["1"])

    add_group(eks, "images", 1)
    eks.kubectl("deployer", "run", "client", "--restart=Never", f"--image={name}@{digest}", "--", "version", "--client")
    eks.kubectl("deployer", "wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/client", "--timeout=180s")
    assert "Client Version" in eks.kubectl("deployer", "logs", "client")
    eks.kubectl("deployer", "delete", "pod", "client")
    eks.aws("eks").delete_nodegroup(clusterName=NAME, nodegroupName="images")

    with pytest.raises(ecr.exceptions.RepositoryNotEmptyException):
        ecr.delete_repository(repositoryName="eks-test/kubectl")
    ecr.delete_repository(repositoryName="eks-test/kubectl", force=True)
    ecr.create_repository(repositoryName="eks-test/kubectl")
    assert ecr.list_images(repositoryName="eks-test/kubectl")["imageIds"] == []


def test_the_name_servers_are_pods_that_others_find_by_their_label(eks: Eks) -> None:
    add_group(eks, "pods", 1)
    eks.add("coredns", addonVersion="v1.13.2-eksbuild.4")
    found = json.loads(
        eks.kubectl("deployer", "-n", "kube-system", "get", "pods", "-l", "k8s-app=kube-dns", "-o", "json")
    )
    assert [pod["status"]["phase"] for pod in found["items"]] == ["Running"] * 2
    said = json.loads(eks.python("names", NAMES))
    assert "nameserver 10.92.64.10" in said["asks"]
    # A Service, a database by the address that its name carries, and two services of AWS.
    assert said["addresses"] == ["10.92.64.1", "10.92.240.10", "10.92.255.250", "10.92.255.250"]


def test_a_claim_has_a_volume_that_the_account_knows_until_it_goes(eks: Eks) -> None:
    tags = {"controller": {"extraVolumeTags": {"owner": "tests"}}}
    eks.add("aws-ebs-csi-driver", configurationValues=json.dumps(tags))
    eks.apply(namespace(), storage_class("gp3"), claim("data", "gp3", "1500Mi"))
    eks.python("writer", "open('/data/a', 'w').write('kept')", claim="data")
    assert eks.python("reader", "print(open('/data/a').read())", claim="data") == "kept"
    ec2, mine = eks.aws("ec2"), [{"Name": "tag:kubernetes.io/created-for/pvc/name", "Values": ["data"]}]
    (volume,) = ec2.describe_volumes(Filters=mine)["Volumes"]
    assert (volume["Size"], volume["VolumeType"], volume["Encrypted"]) == (2, "gp3", True)
    given = {tag["Key"]: tag["Value"] for tag in volume["Tags"]}
    assert given["owner"] == "tests"
    assert (given["ebs.csi.aws.com/cluster"], given[f"kubernetes.io/cluster/{NAME}"]) == ("true", "owned")
    eks.apply(claim("data", "gp3", "3Gi"))
    grown = "--for=jsonpath={.status.capacity.storage}=3Gi"
    eks.kubectl("deployer", "-n", NAMESPACE, "wait", grown, "pvc/data", "--timeout=60s")
    (volume,) = ec2.describe_volumes(Filters=mine)["Volumes"]
    assert volume["Size"] == 3
    (state,) = (eks.home / "clusters").iterdir()
    kept = state / "data/volumes" / volume["VolumeId"]
    assert (kept / "a").read_text() == "kept"
    eks.kubectl("deployer", "-n", NAMESPACE, "delete", "pod/writer", "pod/reader", "pvc/data")
    eks.kubectl("deployer", "wait", "--for=delete", "pv", "--all", "--timeout=60s")
    assert ec2.describe_volumes(Filters=mine)["Volumes"] == []
    assert not kept.exists()


def test_a_service_has_a_load_balancer_of_the_account_until_it_goes(eks: Eks) -> None:
    image = eks.kubectl("deployer", "-n", "kube-system", "get", "deployment", "coredns", "-o", "jsonpath={..image}")
    eks.apply(namespace(), python_pod("web", image, WEB), balanced("web", {"owner": "tests"}))
    own = ("-n", NAMESPACE)
    eks.kubectl("deployer", *own, "wait", "--for=condition=Ready", "pod/web", "--timeout=60s")
    given = "jsonpath={.status.loadBalancer.ingress[0]}"
    eks.kubectl("deployer", *own, "wait", f"--for={given}", "service/web", "--timeout=60s")
    ingress = json.loads(eks.kubectl("deployer", *own, "get", "service", "web", "-o", given))
    with urllib.request.urlopen(f"http://{ingress['ip']}:8080/", timeout=30) as answer:
        assert answer.status == 200
    elb = eks.aws("elbv2")
    (found,) = elb.describe_load_balancers()["LoadBalancers"]
    assert (found["DNSName"], found["Scheme"], found["Type"]) == (ingress["hostname"], "internal", "network")
    (tagged,) = elb.describe_tags(ResourceArns=[found["LoadBalancerArn"]])["TagDescriptions"]
    tags = {tag["Key"]: tag["Value"] for tag in tagged["Tags"]}
    assert (tags["kubernetes.io/service-name"], tags["owner"]) == (f"{NAMESPACE}/web", "tests")
    used = eks.aws("ec2").describe_network_interfaces()["NetworkInterfaces"]
    assert {each["SubnetId"] for each in used} == set(eks.cluster["resourcesVpcConfig"]["subnetIds"])
    eks.kubectl("deployer", *own, "delete", "pod/web", "service/web", "--timeout=60s")
    assert elb.describe_load_balancers()["LoadBalancers"] == []
    assert eks.aws("ec2").describe_network_interfaces()["NetworkInterfaces"] == []


def test_pods_have_what_the_role_of_their_account_allows_and_nothing_without_one(eks: Eks) -> None:
    iam, s3 = eks.aws("iam"), eks.aws("s3")
    issuer: str = eks.cluster["identity"]["oidc"]["issuer"]
    provider = iam.create_open_id_connect_provider(Url=issuer, ClientIDList=["sts.amazonaws.com"], ThumbprintList=[])
    known = TokenIssuer(provider=provider["OpenIDConnectProviderArn"], url=issuer.removeprefix("https://"))
    trust = token_trust(known, NAMESPACE, "reader")
    role = iam.create_role(RoleName="reader", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    rights = policy(*object_statements("arn:aws:s3:::mine", Grant(write=["raw/"])))
    iam.put_role_policy(RoleName="reader", PolicyName="declared", PolicyDocument=rights)
    for bucket in ("mine", "other"):
        s3.create_bucket(Bucket=bucket)
        for key in ("raw/a", "other/a"):
            s3.put_object(Bucket=bucket, Key=key, Body=b"kept")
    eks.apply(namespace(), service_account("reader", role), names_and_https_only())

    said = json.loads(eks.python("reads", READER, account="reader"))
    assert said == {
        "who": f"arn:aws:sts::{ACCOUNT}:assumed-role/reader",
        "keys": ["raw/a", "raw/ä b+c"],
        "read": "written",
        "deleted": "raw/ä b+c",
        **dict.fromkeys(("all keys", "beside", "not mine", "copied", "buckets", "roles"), "AccessDenied"),
        "another's role": "AccessDenied",
        "forged": "InvalidIdentityToken",
        "a stranger's keys": "InvalidAccessKeyId",
        "beside the API": [403, 403, 403],
        "presigned": ["kept", 403],
    }
    said = json.loads(eks.python("reads-nothing", NOBODY))
    assert said == {"variables": [], "read": "NoCredentialsError"}

    iam.delete_role_policy(RoleName="reader", PolicyName="declared")
    iam.delete_role(RoleName="reader")
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=provider["OpenIDConnectProviderArn"])
    eks.kubectl("deployer", "delete", "namespace", NAMESPACE)


def test_a_deleted_cluster_is_gone_from_the_machine(eks: Eks) -> None:
    eks.aws("eks").delete_nodegroup(clusterName=NAME, nodegroupName="pods")
    eks.aws("eks").delete_cluster(name=NAME)
    assert list((eks.home / "clusters").iterdir()) == []
    assert eks.aws("eks").list_clusters()["clusters"] == []
    assert not ways()


PROGRAM = Path(__file__).parent / "programs/ground.py"


def test_one_up_makes_the_cluster_its_database_and_what_is_in_it(
    machine: tuple[str, Path], eks: Eks, cloud: Project
) -> None:
    """After the test above: the cluster of the others is gone, and its network is free again."""
    session = eks.aws("sts").assume_role(RoleArn=eks.roles["deployer"], RoleSessionName="up")["Credentials"]
    cloud.environment |= {
        "PATH": f"{eks.home / 'bin'}:{cloud.environment['PATH']}",
        "NO_PROXY": "10.92.0.1,127.0.0.1",
        "AWS_ENDPOINT_URL": machine[0],
        "AWS_ACCESS_KEY_ID": session["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": session["SecretAccessKey"],
        "AWS_SESSION_TOKEN": session["SessionToken"],
    }
    cloud.write(PROGRAM.read_text())
    cloud.run("config", "set", "network", NETWORK)
    cloud.up()
    made: Any = cloud.outputs()
    assert made["endpoint"] == "https://10.92.0.1:6443"
    assert resolved(made["host"], "10.92.0.1").startswith("10.92.")
    cloud.run("preview", "--expect-no-changes")
    cloud.run("refresh", "--yes", "--skip-preview", "--expect-no-changes")
    cloud.run("destroy", "--yes", "--skip-preview")
    assert list((eks.home / "clusters").iterdir()) == []
    assert list((eks.home / "databases").iterdir()) == []
