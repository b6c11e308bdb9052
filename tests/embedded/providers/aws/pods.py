"""Pods of Python on the node of a cluster: with the interpreter, the libraries and the system of this machine."""

import json
import sys
from pathlib import Path
from typing import Any

NAMESPACE = "work"
SHOWN = {"/lib": Path("/usr/lib"), "/lib64": Path("/usr/lib64"), "/usr": Path("/usr")}
"""What a program of this machine needs of it, by where it looks."""


def namespace() -> dict[str, Any]:
    """Return a namespace whose pods may have folders of the node."""
    labels = {"pod-security.kubernetes.io/enforce": "privileged"}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": labels}}


def python_pod(name: str, image: str, program: str, *, account: str = "default", claim: str = "") -> dict[str, Any]:
    """Return a pod that runs a program of Python once. image: any. claim: of a volume, at /data."""
    own = {
        str(path): path for path in {Path(sys.prefix), Path(sys.base_prefix), Path(sys.executable).resolve().parents[1]}
    }
    shown = {path: source for path, source in {**own, **SHOWN}.items() if source.is_dir()}
    volumes: list[dict[str, Any]] = [
        {"name": f"shown-{number}", "hostPath": {"path": str(source)}} for number, source in enumerate(shown.values())
    ]
    mounts: list[dict[str, Any]] = [
        {"name": f"shown-{number}", "mountPath": path, "readOnly": True} for number, path in enumerate(shown)
    ]
    if claim:
        volumes.append({"name": "data", "persistentVolumeClaim": {"claimName": claim}})
        mounts.append({"name": "data", "mountPath": "/data"})
    container = {
        "name": "python",
        "image": image,
        "command": [sys.executable, "-I", "-B", "-c", program],
        "volumeMounts": mounts,
        "securityContext": {"runAsUser": 10001},
    }
    spec = {"serviceAccountName": account, "restartPolicy": "Never", "containers": [container], "volumes": volumes}
    metadata = {"name": name, "namespace": NAMESPACE, "labels": {"app": name}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def balanced(name: str, tags: dict[str, str]) -> dict[str, Any]:
    """Return the Service of a pod at its port 8080, with a load balancer as the platform's gateway asks for one."""
    prefix = "service.beta.kubernetes.io/aws-load-balancer"
    annotations = {
        f"{prefix}-type": "nlb",
        f"{prefix}-internal": "true",
        f"{prefix}-additional-resource-tags": ",".join(f"{key}={value}" for key, value in tags.items()),
    }
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": NAMESPACE, "annotations": annotations},
        "spec": {"type": "LoadBalancer", "selector": {"app": name}, "ports": [{"port": 8080}]},
    }


def claim(name: str, storage_class: str, size: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": storage_class,
            "resources": {"requests": {"storage": size}},
        },
    }


def storage_class(name: str) -> dict[str, Any]:
    """Return one as the platform's."""
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": name},
        "provisioner": "ebs.csi.aws.com",
        "parameters": {"type": "gp3", "encrypted": "true"},
        "volumeBindingMode": "WaitForFirstConsumer",
        "allowVolumeExpansion": True,
    }


def stream(*documents: dict[str, Any]) -> str:
    """Return documents as kubectl reads them from standard input."""
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(documents)})


def service_account(name: str, role: str) -> dict[str, Any]:
    """Return one whose pods have a role, by its ARN."""
    metadata = {"name": name, "namespace": NAMESPACE, "annotations": {"eks.amazonaws.com/role-arn": role}}
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}


def names_and_https_only() -> dict[str, Any]:
    """Return the network policy of consumers of data, as the platform has it on AWS."""
    servers = {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
        "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
    }
    egress = [
        {"to": [servers], "ports": [{"port": 53, "protocol": protocol} for protocol in ("UDP", "TCP")]},
        {"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}], "ports": [{"port": 443, "protocol": "TCP"}]},
    ]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "consumers", "namespace": NAMESPACE},
        "spec": {"podSelector": {}, "policyTypes": ["Egress"], "egress": egress},
    }


CLIENT = """\
import json, os, urllib.request
import boto3
from botocore.exceptions import BotoCoreError, ClientError

def tried(do):
    try:
        return do()
    except (ClientError, BotoCoreError) as error:
        return error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__

def keys(bucket, **where):
    return [each["Key"] for each in s3.list_objects_v2(Bucket=bucket, **where).get("Contents", [])]

def read(bucket, key):
    return s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode()

def status(path):
    try:
        return urllib.request.urlopen("https://sts.us-east-1.amazonaws.com" + path, context=trust).status
    except urllib.error.HTTPError as error:
        return error.code

s3 = boto3.client("s3")
said = {}
"""
"""What programs in pods begin with."""
READER = (
    CLIENT
    + """\
said["who"] = boto3.client("sts").get_caller_identity()["Arn"].rpartition("/")[0]
s3.put_object(Bucket="mine", Key="raw/ä b+c", Body=b"written")
said["keys"] = keys("mine", Prefix="raw/")
said["read"] = read("mine", "raw/ä b+c")
said["deleted"] = s3.delete_objects(Bucket="mine", Delete={"Objects": [{"Key": "raw/ä b+c"}]})["Deleted"][0]["Key"]
said["all keys"] = tried(lambda: keys("mine"))
said["beside"] = tried(lambda: read("mine", "other/a"))
said["not mine"] = tried(lambda: read("other", "raw/a"))
said["copied"] = tried(lambda: s3.copy_object(Bucket="mine", Key="raw/c", CopySource="other/raw/a"))
said["buckets"] = tried(s3.list_buckets)
said["roles"] = tried(boto3.client("iam").list_roles)
token = open(os.environ["AWS_WEB_IDENTITY_TOKEN_FILE"]).read()
sts = boto3.client("sts")
def assume(role, token):
    return sts.assume_role_with_web_identity(RoleArn=role, RoleSessionName="pod", WebIdentityToken=token)["Credentials"]
said["another's role"] = tried(lambda: assume(os.environ["AWS_ROLE_ARN"].replace("reader", "worker"), token))
head, body, signature = token.split(".")
said["forged"] = tried(lambda: assume(os.environ["AWS_ROLE_ARN"], ".".join([head, body, signature[::-1]])))
forged = boto3.Session(aws_access_key_id="AKIA0000000000000000", aws_secret_access_key="a")
said["a stranger's keys"] = tried(lambda: forged.client("s3").get_object(Bucket="mine", Key="raw/a"))
import ssl
trust = ssl.create_default_context(cafile=os.environ["AWS_CA_BUNDLE"])
paths = ("/moto-api/data.json", "/latest/meta-data/", "/clusters/a/credential")
said["beside the API"] = [status(path) for path in paths]
from botocore.config import Config
signer = boto3.client("s3", config=Config(signature_version="s3v4"))
url = signer.generate_presigned_url("get_object", Params={"Bucket": "mine", "Key": "raw/a"})
def opened(url):
    try:
        return urllib.request.urlopen(url, context=trust).read().decode()
    except urllib.error.HTTPError as error:
        return error.code
said["presigned"] = [opened(url), opened(url.replace("raw/a", "other/a"))]
print(json.dumps(said))
"""
)
"""What a pod may, and what it may not."""
NOBODY = (
    CLIENT
    + """\
s3 = boto3.client("s3", region_name="us-east-1", verify="/var/run/secrets/kubernetes.io/serviceaccount/ca.crt")
said["variables"] = [name for name in os.environ if name.startswith("AWS_")]
said["read"] = tried(lambda: read("mine", "raw/a"))
print(json.dumps(said))
"""
)
WEB = "import http.server; http.server.test(http.server.SimpleHTTPRequestHandler, port=8080, bind='0.0.0.0')"
"""Serves HTTP at port 8080."""
NAMES = """\
import json, socket
database = "a.c10-92-240-10.us-east-1.rds.amazonaws.com"
names = ("kubernetes.default", database, "s3.us-east-1.amazonaws.com", "iam.amazonaws.com")
addresses = [socket.gethostbyname(name) for name in names]
print(json.dumps({"asks": open("/etc/resolv.conf").read(), "addresses": addresses}))
"""
"""Says who is asked for names, and what is answered."""
