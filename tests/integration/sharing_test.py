"""What one machine built is used by others: through a shared cache, or a bundle where there is no network."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml

from embedded.toolchain import build
from embedded.toolchain.targets import BUILD_TARGETS
from modules.core.naming import namespace
from modules.core.paths import REPOSITORY
from modules.core.versions import DEBIAN
from modules.registry.host import archive_proxy, debian_suites
from scripts.cli.clients import kubectl
from scripts.cli.clients.cache.cache import Cache
from scripts.cli.clients.cache.signing import own_public_key
from scripts.cli.environment import Environment
from scripts.cli.lifecycle.up import STACKS, settings_file

from .conftest import STACK, run

SMALL = tuple(target for target in BUILD_TARGETS if target.name in {"kwok", "pause"})
SECOND = "second"
PORTS = {"api": 26443, "storage": 28333, "gateway": 28443, "iris": 28080}


@pytest.fixture
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A person who has not signed anything yet."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


@pytest.fixture
def bucket(platform: Environment, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An empty bucket of the platform's own object store, for any AWS client of this process."""
    secret = kubectl.secret(platform, namespace(STACK, "storage"), "s3-admin")
    assert secret is not None
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{platform.settings.ports()['storage']}")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", secret["access-key-id"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret["secret-access-key"])
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # whatever keys an earlier test used it with
    library: Any = boto3
    client = library.client("s3")
    client.create_bucket(Bucket="shared-cache")
    yield "shared-cache"
    for each in client.list_objects_v2(Bucket="shared-cache").get("Contents", []):
        client.delete_object(Bucket="shared-cache", Key=each["Key"])
    client.delete_bucket(Bucket="shared-cache")


@pytest.mark.usefixtures("keys")
def test_an_object_store_is_a_shared_cache(bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    artifacts = Cache(f"s3://{bucket}/groundwork")
    assert build.publish(lambda _: None, SMALL, artifacts) == len(SMALL)
    assert build.publish(lambda _: None, SMALL, artifacts) == 0
    built = {target.name: (Environment(STACK).tools / target.name).read_bytes() for target in SMALL}
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    log = tmp_path / "log"
    tools = build.ensure(lambda _: None, log, SMALL, lambda: artifacts)
    assert {target.name: (tools / target.name).read_bytes() for target in SMALL} == built
    assert not log.exists()  # no compiler ran


@pytest.fixture
def second(tmp_path: Path) -> Iterator[Path]:
    """Settings of a second stack beside the first one; yields an empty home of its machine's caches and data."""
    example: dict[str, Any] = yaml.safe_load((STACKS / f"{STACK}.example.yaml").read_text())
    settings: dict[str, Any] = example["config"]
    settings["groundwork:foundation"] = {"network": "10.82.0.0/16", "ports": {"api": PORTS["api"]}}
    for service in ("storage", "gateway"):
        settings[f"groundwork:{service}"]["local_port"] = PORTS[service]
    settings["groundwork:workloads"]["iris"]["local_port"] = PORTS["iris"]
    settings_file(SECOND).write_text(yaml.safe_dump(example))
    home = tmp_path / "machine"
    home.mkdir()
    yield home
    settings_file(SECOND).unlink()
    shutil.rmtree(home)


def machine(home: Path) -> dict[str, str]:
    """Variables of a machine that has built nothing; the keys are those of this person."""
    return {"XDG_CACHE_HOME": str(home / "cache"), "XDG_DATA_HOME": str(home / "data")}


@pytest.mark.heavy
@pytest.mark.usefixtures("keys", "platform")
def test_a_second_machine_with_a_filled_cache_builds_nothing(second: Path, tmp_path: Path) -> None:
    address = str(tmp_path / "shared")
    run("groundwork", "cache", "push", address, "--stack", STACK)
    done = run("scripts/up", SECOND, env={**machine(second), "GROUNDWORK_CACHE": address})
    run("scripts/down", SECOND, "--yes", env=machine(second))
    assert "9 fetched, 0 unchanged" in done.stderr
    assert not (second / "cache/groundwork/containers").exists()  # nothing was built
    assert not list((second / "cache/groundwork/toolchain").glob("go*"))


OFFLINE = """
set -e
ip link set lo up
test -z "$(ip route)"
mount --bind "$1" "$1"
cd "$1"
for each in proc sys dev; do mount --rbind /$each $each; done
mount -t tmpfs tmpfs run
mkdir old
pivot_root . old
umount -l old
cd /root/groundwork
exec env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin GROUNDWORK_TRUSTED_KEYS=/root/key.pem bash -ec '
    trap "scripts/down second --yes" EXIT
    scripts/up --bundle /root/groundwork.bundle second
    . scripts/bootstrap
    python -c "
import json, urllib.request
flower = dict(sepal_length=5.1, sepal_width=3.5, petal_length=1.4, petal_width=0.2)
request = urllib.request.Request(\\"http://127.0.0.1:28080/predict\\", json.dumps(flower).encode())
request.add_header(\\"Content-Type\\", \\"application/json\\")
print(urllib.request.urlopen(request).read().decode())"'
"""
"""What a person does on a machine of their own without a network. Its root is that of a bare Debian; it shares this
machine's processors alone."""


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Path]:
    """The root of a machine with Debian's smallest system, and openssl."""
    root = tmp_path / "bare"
    make = ("debootstrap", "--variant=minbase", "--include=openssl", DEBIAN, str(root), debian_suites()[0].url)
    run(*make, env=archive_proxy())
    yield root
    shutil.rmtree(root)


@pytest.mark.heavy
@pytest.mark.usefixtures("keys", "platform")
def test_a_bundle_takes_a_bare_machine_without_any_network_to_a_served_model(bare: Path, second: Path) -> None:
    del second
    home = bare / "root"
    run("groundwork", "bundle", "create", str(home / "groundwork.bundle"), "--stack", STACK)
    (home / "key.pem").write_bytes(own_public_key().read_bytes())
    run("git", "clone", "-q", str(REPOSITORY), str(home / "groundwork"))
    shutil.copy(settings_file(SECOND), home / "groundwork/stacks")
    alone = ("unshare", "--net", "--mount", "--propagation=private")
    done = run(*alone, "bash", "-c", OFFLINE, "offline", str(bare))
    assert "9 fetched, 0 unchanged" in done.stderr
    assert "setosa" in done.stdout
    assert not list((home / ".cache/groundwork").glob("bundle*"))
