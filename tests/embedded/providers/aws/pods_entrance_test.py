"""What pods send to an account is bounded, and signed."""

import http.client
import io
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

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


Keys = tuple[str, ...]


@pytest.fixture(scope="module")
def users(owner: Aws) -> Keys:
    """The keys of a user who may read and write in one bucket below raw/."""
    for bucket in ("mine", "other"):
        owner("s3").create_bucket(Bucket=bucket)
    owner("iam").create_user(UserName="writer")
    owner("iam").put_user_policy(UserName="writer", PolicyName="objects", PolicyDocument=POLICY)
    made = owner("iam").create_access_key(UserName="writer")["AccessKey"]
    return made["AccessKeyId"], made["SecretAccessKey"]


@pytest.fixture(scope="module")
def roles(owner: Aws, users: Keys) -> Keys:
    """The keys of a role that may do the same."""
    assert users
    role = owner("iam").create_role(RoleName="writer", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    owner("iam").put_role_policy(RoleName="writer", PolicyName="objects", PolicyDocument=POLICY)
    made = owner("sts").assume_role(RoleArn=role, RoleSessionName="pod")["Credentials"]
    return made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"]


def client(keys: Keys, service: str = "s3", signer: str | None = "s3v4", **more: Any) -> Any:
    """One that calls AWS by its own names, where no other address is given."""
    import boto3
    from botocore.config import Config

    session: Any = boto3.Session(*keys, region_name=REGION)
    return session.client(service, config=Config(signature_version=signer), **more)


TRUST = """{"Version": "2012-10-17", "Statement": [
{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "123456789012"}}]}"""
POLICY = """{"Version": "2012-10-17", "Statement": [
  {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": "arn:aws:s3:::mine/raw/*"}
]}"""


def test_what_is_within_bounds_arrives_whole(ways: tuple[str, str], users: Keys) -> None:
    pod = client(users, endpoint_url=ways[1])
    body = bytes(range(256)) * (20 * MIB // 256)
    pod.put_object(Bucket="mine", Key="raw/one", Body=body)
    pod.upload_fileobj(io.BytesIO(body), "mine", "raw/parts")
    for key in ("raw/one", "raw/parts"):
        assert pod.get_object(Bucket="mine", Key=key)["Body"].read() == body


def sent(
    ways: tuple[str, str], url: str, method: str = "GET", body: bytes | None = None, **headers: str
) -> tuple[int, str]:
    """Status and body of the answer to a URL, from the entrance of pods."""
    parts = urlsplit(url)
    asked = connection(ways[1])
    asked.request(method, f"{parts.path}?{parts.query}", body, {"Host": parts.netloc, **headers})
    answer = asked.getresponse()
    return answer.status, answer.read().decode()


def presigned(client: Any, operation: str, key: str = "raw/ä b+c", seconds: int = 3600, **more: Any) -> str:
    parameters = {"Bucket": "mine", "Key": key, **more}
    found: str = client.generate_presigned_url(operation, Params=parameters, ExpiresIn=seconds)
    return found


def test_a_presigned_url_is_good_for_what_it_was_signed_for(ways: tuple[str, str], roles: Keys) -> None:
    s3 = client(roles)
    assert sent(ways, presigned(s3, "put_object"), "PUT", b"written")[0] == 200
    assert sent(ways, presigned(s3, "get_object")) == (200, "written")
    typed = presigned(s3, "put_object", "raw/typed", ContentType="text/csv", Metadata={"by": "pod"})
    metadata = {"Content-Type": "text/csv", "x-amz-meta-by": "pod"}
    assert sent(ways, typed, "PUT", b"a,b", **metadata)[0] == 200
    shown = presigned(s3, "get_object", "raw/typed", ResponseContentDisposition="attachment")
    assert sent(ways, shown) == (200, "a,b")


def test_a_user_signs_as_a_role_does(ways: tuple[str, str], users: Keys) -> None:
    client(users, endpoint_url=ways[1]).put_object(Bucket="mine", Key="raw/user", Body=b"of a user")
    assert sent(ways, presigned(client(users), "get_object", "raw/user")) == (200, "of a user")


def test_who_somebody_is_can_be_asked_by_a_url(ways: tuple[str, str], roles: Keys) -> None:
    url: str = client(roles, "sts", "v4").generate_presigned_url("get_caller_identity", HttpMethod="GET")
    status, body = sent(ways, url)
    assert (status, ":assumed-role/writer/pod" in body) == (200, True)
    status, body = sent(ways, url.replace("2011-06-15", "2011-06-16"))
    assert (status, "SignatureDoesNotMatch" in body) == (403, True)


def test_a_presigned_url_is_good_for_nothing_else(ways: tuple[str, str], roles: Keys) -> None:
    s3 = client(roles)
    sent(ways, presigned(s3, "put_object"), "PUT", b"written")
    url = presigned(s3, "get_object")
    for wrong in (
        url.replace("raw/", "raw/other-"),
        url.replace("X-Amz-Expires=3600", "X-Amz-Expires=7200"),
        url[:-4] + "0000",
        f"{url}&versionId=null",
    ):
        status, body = sent(ways, wrong)
        assert (status, "<Code>SignatureDoesNotMatch</Code>" in body) == (403, True), wrong
    for method in ("PUT", "DELETE"):
        assert sent(ways, url, method, b"")[0] == 403
    copied = {"x-amz-copy-source": "other/raw/secret"}
    status, body = sent(ways, presigned(s3, "put_object", "raw/copy"), "PUT", b"", **copied)
    assert (status, "headers present in the request which were not signed" in body) == (403, True)


def test_a_presigned_url_gives_no_more_than_its_signer_may(ways: tuple[str, str], roles: Keys) -> None:
    status, body = sent(ways, presigned(client(roles), "get_object", "secret/a"))
    assert (status, "<Code>AccessDenied</Code>" in body) == (403, True)
    assert sent(ways, presigned(client(roles), "delete_object"), "DELETE")[0] == 403


def test_a_presigned_url_of_somebody_elses_keys_is_refused(ways: tuple[str, str], roles: Keys) -> None:
    name, secret, token = roles
    for keys, answer in (
        ((name, "another", token), (403, "SignatureDoesNotMatch")),
        ((name, secret, "another"), (400, "InvalidToken")),
        (("ASIA0000000000000000", secret, token), (403, "InvalidAccessKeyId")),
        (("AKIA0000000000000000", secret), (403, "InvalidAccessKeyId")),
    ):
        status, body = sent(ways, presigned(client(keys), "get_object"))
        assert (status, body.partition("<Code>")[2].partition("<")[0]) == answer


def test_a_presigned_url_expires(ways: tuple[str, str], roles: Keys) -> None:
    url = presigned(client(roles), "get_object", seconds=1)
    time.sleep(2.1)
    status, body = sent(ways, url)
    assert (status, "Request has expired" in body) == (403, True)


def test_a_presigned_url_is_good_for_a_week_at_most(ways: tuple[str, str], roles: Keys) -> None:
    week = 7 * 24 * 3600
    s3 = client(roles)
    sent(ways, presigned(s3, "put_object"), "PUT", b"written")
    assert sent(ways, presigned(s3, "get_object", seconds=week)) == (200, "written")
    status, body = sent(ways, presigned(s3, "get_object", seconds=week + 1))
    assert (status, "<Code>AuthorizationQueryParametersError</Code>" in body) == (400, True)


def test_signatures_of_version_2_are_refused(ways: tuple[str, str], roles: Keys) -> None:
    url = presigned(client(roles, signer=None), "get_object")
    assert "AWSAccessKeyId=" in url
    assert sent(ways, url)[0] == 403
