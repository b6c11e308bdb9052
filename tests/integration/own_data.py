"""An object store and a PostgreSQL of somebody else: at an address of their node, over TLS, with content of theirs."""

import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from embedded.cluster import Cluster

from .certificates import Authority
from .pods import SECURE, encoded, eventually, kubectl
from .s3 import s3_client

PLACE = "theirs-data"
PULL_SECRET = "registry"
S3_PORT, POSTGRESQL_PORT = 28333, 25432
"""Of the node."""
BUCKETS = ("theirs-data", "theirs-models")
PRIVATE, REMOVED = "theirs-alone", "theirs-removed"
"""A bucket that the platform's key has no right to, and one that is not there although it would have the right."""
S3_ADMIN = {"accessKey": "theirs-admin", "secretKey": "of-their-store"}
S3_KEYS = {"accessKey": "for-the-platform", "secretKey": "shown-to-nobody"}
ROLE, PASSWORD = "platform_maker", "may 'make' roles\\:"
"""Of the administrator that the platform gets. The password has what shells, SQL and password files trip over."""
GUEST_PASSWORD = "of-a-guest"
"""Of a role that may look and make nothing."""
OBJECT = ("theirs/notes.txt", b"not of any platform")
SERVICE_ROLES = {"mlflow": "tracking", "airflow": "workflows"}
"""Each with a database of its own name, by the service that it is for. A role's password is its name."""
CONTENT = f"""
CREATE ROLE {ROLE} LOGIN CREATEROLE CREATEDB PASSWORD $text${PASSWORD}$text$;
CREATE ROLE guest LOGIN PASSWORD '{GUEST_PASSWORD}';
CREATE DATABASE theirs;
\\connect theirs
CREATE TABLE notes (text text);
INSERT INTO notes VALUES ('theirs');
""" + "".join(
    f"CREATE ROLE {name} LOGIN PASSWORD '{name}';\nCREATE DATABASE {name} OWNER {name};\n"
    for name in SERVICE_ROLES.values()
)
SERVER_FILES = {
    "postgresql.conf": f"port = {POSTGRESQL_PORT}\nlisten_addresses = '*'\nunix_socket_directories = '/tmp'\n"
    "ssl = on\nssl_cert_file = '/tls/tls.crt'\nssl_key_file = '/tls/tls.key'\nhba_file = '/files/pg_hba.conf'\n",
    "pg_hba.conf": "local all postgres trust\nhostssl all all all scram-sha-256\n",
    "password": "of-their-superuser",
}


@dataclass(frozen=True, kw_only=True)
class OwnData:
    """What a stack's file says of it, and how it is looked at."""

    cluster: Cluster
    node: str
    ca: Path

    def foundation(self, ca: str) -> dict[str, Any]:
        """`ca`: the PEM file, as the stack's file names it."""
        data, models = BUCKETS
        return {
            "database": {**self.database(ca), "admin": {"role": ROLE}},
            "storage": {
                "endpoint": f"https://{self.node}:{S3_PORT}",
                "ca": ca,
                "ranges": [f"{self.node}/32"],
                "access_key_id": S3_KEYS["accessKey"],
                "buckets": {"raw": data, "features": data, "logs": data, "artifacts": models},
            },
        }

    def database(self, ca: str) -> dict[str, Any]:
        """The server alone, without whom it lets in."""
        return {"host": self.node, "port": POSTGRESQL_PORT, "ca": ca, "ranges": [f"{self.node}/32"]}

    def objects(self, *, of_platform: bool) -> dict[str, str]:
        """What the buckets hold, by bucket and key: an object's content, or what stands for it."""
        client = self.s3()
        found: dict[str, str] = {}
        for bucket in client.list_buckets()["Buckets"]:
            name: str = bucket["Name"]
            found |= {} if of_platform else {name: str(bucket["CreationDate"])}
            for each in client.list_objects_v2(Bucket=name).get("Contents", []):
                if each["Key"].startswith("theirs/") != of_platform:
                    found[f"{name}/{each['Key']}"] = f"{each['ETag']} {each['LastModified']}"
        return found

    def rows(self) -> str:
        """Their database, as SQL."""
        lines = self.postgresql("pg_dump", "theirs").splitlines()
        return "\n".join(line for line in lines if not line.startswith(("\\restrict", "\\unrestrict")))  # random

    def databases(self) -> set[str]:
        listed = self.postgresql("psql", "-tAc", "SELECT datname FROM pg_database WHERE NOT datistemplate")
        return set(listed.split())

    def tables(self, database: str) -> int:
        counted = "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'"
        return int(self.postgresql("psql", "-d", database, "-tAc", counted))

    def postgresql(self, program: str, *arguments: str) -> str:
        connection = ("-h", "/tmp", "-p", str(POSTGRESQL_PORT), "-U", "postgres")
        return kubectl(
            self.cluster, "exec", "-n", PLACE, "deployment/postgresql", "--", program, *connection, *arguments
        )

    def s3(self) -> Any:
        address = f"https://{self.node}:{S3_PORT}"
        return s3_client(address, S3_ADMIN["accessKey"], S3_ADMIN["secretKey"], ca=self.ca)


def deploy_own_data(
    cluster: Cluster, node: str, images: Mapping[str, str], pull: str, folder: Path, *, environment: str
) -> OwnData:
    """Start both on the node and fill them. images: references by image; pull: what `docker login` writes;
    environment: whose objects the platform's key is for."""
    authority = Authority.new("theirs")
    ca = folder / "theirs.crt"
    ca.write_text(authority.pem)
    kubectl(cluster, "create", "namespace", PLACE)
    kubectl(
        cluster, "label", "namespace", PLACE, "pod-security.kubernetes.io/enforce=privileged"
    )  # for the node's ports
    pull_secret = {"type": "kubernetes.io/dockerconfigjson", "data": encoded({".dockerconfigjson": pull})}
    documents = [
        {"kind": "Secret", "metadata": {"name": PULL_SECRET}, **pull_secret},
        {"kind": "Secret", "metadata": {"name": "tls"}, "data": encoded(authority.issue([node]))},
        {
            "kind": "Secret",
            "metadata": {"name": "files"},
            "data": encoded({**SERVER_FILES, "s3.json": _identities(environment)}),
        },
    ]
    for each in documents:
        kubectl(cluster, "apply", "-n", PLACE, "-f-", document={"apiVersion": "v1", **each})
    for each in (_server("store", images["storage"], _weed()), _server("postgresql", images["postgresql"])):
        kubectl(cluster, "apply", "-n", PLACE, "-f-", document=each)
    for name in ("store", "postgresql"):
        kubectl(cluster, "rollout", "status", f"deployment/{name}", "-n", PLACE, "--timeout=200s")
    made = OwnData(cluster=cluster, node=node, ca=ca)
    client = made.s3()
    for bucket in (*BUCKETS, PRIVATE):
        client.create_bucket(Bucket=bucket)
        assert eventually(partial(_put, client, bucket), 60)
    _psql(cluster, CONTENT)
    return made


def _put(client: Any, bucket: str) -> bool:
    """Whether the store takes an object of theirs yet: its port answers before it has a place for one."""
    key, content = OBJECT
    try:
        client.put_object(Bucket=bucket, Key=key, Body=content)
    except ClientError:
        return False
    return True


def _psql(cluster: Cluster, script: str) -> None:
    """Run a script as the superuser, from a file of the pod."""
    text = b64encode(script.encode()).decode()
    command = f"echo {text} | base64 -d | psql -v ON_ERROR_STOP=1 -h /tmp -p {POSTGRESQL_PORT} -U postgres"
    kubectl(cluster, "exec", "-n", PLACE, "deployment/postgresql", "--", "sh", "-c", command)


def _weed() -> list[str]:
    options = {
        "dir": "/data",
        "ip": "127.0.0.1",
        "ip.bind": "127.0.0.1",
        # Alone as it is, it would wait ten seconds for other candidates before it leads.
        "master.electionTimeout": "500ms",
        "master.heartbeatInterval": "100ms",
        "master.volumeSizeLimitMB": "64",
        "volume.max": "0",
        "filer": "true",
        "s3": "true",
        "s3.ip.bind": "0.0.0.0",
        "s3.port": str(S3_PORT),
        "s3.port.iceberg": "0",
        "s3.port.lance": "0",
        "s3.config": "/files/s3.json",
        "s3.cert.file": "/tls/tls.crt",
        "s3.key.file": "/tls/tls.key",
        "s3.autoCreateBucket": "false",
    }
    return ["weed", "-logtostderr=true", "server", *(f"-{name}={value}" for name, value in options.items())]


def _identities(environment: str) -> str:
    """The platform's key lists, and reads, writes and deletes below the prefix of one environment."""
    buckets = [f"arn:aws:s3:::{bucket}" for bucket in (*BUCKETS, REMOVED)]
    objects = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]
    statements = [
        {"Effect": "Allow", "Action": ["s3:ListBucket"], "Resource": buckets},
        {"Effect": "Allow", "Action": objects, "Resource": [f"{bucket}/{environment}/*" for bucket in buckets]},
    ]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    identities = [
        {"name": "admin", "credentials": [S3_ADMIN], "actions": ["Admin", "Read", "Write", "List", "Tagging"]},
        {"name": "platform", "credentials": [S3_KEYS], "policyNames": ["platform"]},
    ]
    return json.dumps({"identities": identities, "policies": [{"name": "platform", "content": policy}]})


def _server(name: str, image: str, command: list[str] | None = None) -> dict[str, Any]:
    port = S3_PORT if command else POSTGRESQL_PORT
    folders = {"PGDATA": "/data/pg", "CONFIGURATION": "/files", "SUPERUSER": "/files"}
    container = {
        "name": name,
        "image": image,
        "command": command or ["sh", "/opt/groundwork/start.sh"],
        "env": [{"name": key, "value": value} for key, value in folders.items()],
        "readinessProbe": {"tcpSocket": {"port": port}, "periodSeconds": 1},
        "securityContext": SECURE,
        "volumeMounts": [{"name": each, "mountPath": f"/{each}"} for each in ("data", "tls", "files", "tmp")],
    }
    volumes: list[dict[str, Any]] = [
        *({"name": each, "secret": {"secretName": each, "defaultMode": 0o640}} for each in ("tls", "files")),
        *({"name": each, "emptyDir": {}} for each in ("data", "tmp")),
    ]
    pod: dict[str, Any] = {
        "hostNetwork": True,
        "terminationGracePeriodSeconds": 1,
        "securityContext": {"fsGroup": 10001},
        "imagePullSecrets": [{"name": PULL_SECRET}],
        "containers": [container],
        "volumes": volumes,
    }
    labels = {"app": name}
    spec = {
        "selector": {"matchLabels": labels},
        "strategy": {"type": "Recreate"},
        "template": {"metadata": {"labels": labels}, "spec": pod},
    }
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}
