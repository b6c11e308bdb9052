"""What pods send to an account is bounded, and signed."""

import http.client
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from embedded.aws.bodies import OBJECT_BYTES

from .conftest import REGION, clients, serving
from .search import Aws

ENTRANCE = str(Path(__file__).parent / "pods_entrance.py")
S3 = f"AWS4-HMAC-SHA256 Credential=AKIA/20271130/{REGION}/s3/aws4_request, SignedHeaders=host, Signature=0"
MIB = 2**20


@pytest.fixture(scope="module")
def ways() -> Iterator[tuple[str, str]]:
    """The addresses of an account as its owner reaches it, and as pods do."""
    with serving(ENTRANCE) as (owners, pods):
        yield owners, pods


@pytest.fixture(scope="module")
def owner(ways: tuple[str, str]) -> Aws:
    return clients(ways[0])


def connection(address: str) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(address.removeprefix("http://"), timeout=60)


def held_at_most(address: str) -> int:
    """Bytes of memory that the process that serves an address ever had."""
    port = int(address.rpartition(":")[2])
    listening = next(
        line.split()[9]
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]
        if line.split()[1].endswith(f":{port:04X}") and line.split()[3] == "0A"
    )
    for handle in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            found = handle.readlink().name == f"socket:[{listening}]"
        except OSError:  # it ends at this moment
            continue
        if found:
            status = (handle.parents[1] / "status").read_text()
            return 1024 * int(status.partition("VmHWM:")[2].split()[0])
    raise AssertionError(address)


def test_an_upload_without_end_takes_no_memory(ways: tuple[str, str]) -> None:
    before = held_at_most(ways[1])
    asked = connection(ways[1])
    asked.request("PUT", "/mine/huge", (bytes(MIB) for _ in range(OBJECT_BYTES // MIB + 1)), {"Authorization": S3})
    answer = asked.getresponse()
    assert (answer.status, b"<Code>EntityTooLarge</Code>" in answer.read()) == (400, True)
    assert held_at_most(ways[1]) - before < 32 * MIB


def test_an_upload_that_says_how_large_it_is_is_refused_at_once(ways: tuple[str, str]) -> None:
    asked = connection(ways[1])
    asked.putrequest("PUT", "/mine/huge")
    for name, value in {"Authorization": S3, "Content-Length": str(OBJECT_BYTES + 1)}.items():
        asked.putheader(name, value)
    asked.endheaders()
    answer = asked.getresponse()
    assert (answer.status, b"<Code>EntityTooLarge</Code>" in answer.read()) == (400, True)


@pytest.fixture(scope="module")
def pod(ways: tuple[str, str], owner: Aws) -> Any:
    """A client of S3 as a pod has it, of a user who may read and write in one bucket below raw/."""
    import boto3

    for bucket in ("mine", "other"):
        owner("s3").create_bucket(Bucket=bucket)
    owner("iam").create_user(UserName="writer")
    owner("iam").put_user_policy(UserName="writer", PolicyName="objects", PolicyDocument=POLICY)
    key = owner("iam").create_access_key(UserName="writer")["AccessKey"]
    session: Any = boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name=REGION)
    return session.client("s3", endpoint_url=ways[1])


POLICY = """{"Version": "2012-10-17", "Statement": [
  {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": "arn:aws:s3:::mine/raw/*"}
]}"""


def test_what_is_within_bounds_arrives_whole(pod: Any) -> None:
    import io

    body = bytes(range(256)) * (20 * MIB // 256)
    pod.put_object(Bucket="mine", Key="raw/one", Body=body)
    pod.upload_fileobj(io.BytesIO(body), "mine", "raw/parts")
    for key in ("raw/one", "raw/parts"):
        assert pod.get_object(Bucket="mine", Key=key)["Body"].read() == body
