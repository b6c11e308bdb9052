"""What the emulated account keeps of types that nothing emulates, by AWS's Cloud Control API."""

import json
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest

from embedded.aws.records import TARGET, Records

Ask = Callable[..., Any]
TYPE = "AWS::Fancy::Thing"


@pytest.fixture
def ask() -> Ask:
    """(status, answer) of an operation."""

    def account(_: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return [b'"the account\'s own"']

    records, statuses = Records(account), list[str]()

    def asked(operation: str, region: str = "us-east-1", target: str = TARGET, **parameters: Any) -> Any:
        body = json.dumps({"TypeName": TYPE, **parameters}).encode()
        environ: dict[str, Any] = {
            "wsgi.input": BytesIO(body),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_X_AMZ_TARGET": target + operation,
            "HTTP_AUTHORIZATION": f"AWS4-HMAC-SHA256 Credential=test/20261130/{region}/cloudcontrolapi/aws4_request",
        }

        def started(status: str, _: object) -> None:
            statuses.append(status)

        answer = b"".join(records(environ, started))
        return statuses[-1][:3], json.loads(answer)

    return asked


def properties(ask: Ask, identifier: str) -> Any:
    return json.loads(ask("GetResource", Identifier=identifier)[1]["ResourceDescription"]["Properties"])


def test_a_record_is_made_read_changed_listed_and_deleted(ask: Ask) -> None:
    state = json.dumps({"Identifier": "one", "size": 1, "kind": "a"})
    assert ask("CreateResource", DesiredState=state)[1]["ProgressEvent"]["Identifier"] == "one"
    patch: list[Any] = [
        {"op": "replace", "path": "/size", "value": 2},
        {"op": "remove", "path": "/kind"},
        {"op": "add", "path": "/owner", "value": {"team": "x"}},
    ]
    ask("UpdateResource", Identifier="one", PatchDocument=json.dumps(patch))
    assert properties(ask, "one") == {"Identifier": "one", "size": 2, "owner": {"team": "x"}}
    (listed,) = ask("ListResources")[1]["ResourceDescriptions"]
    assert listed["Identifier"] == "one"
    ask("DeleteResource", Identifier="one")
    assert ask("ListResources")[1]["ResourceDescriptions"] == []


def test_a_second_one_of_the_same_name_is_refused_but_in_another_region(ask: Ask) -> None:
    state = json.dumps({"Identifier": "one"})
    ask("CreateResource", DesiredState=state)
    status, answer = ask("CreateResource", DesiredState=state)
    assert (status, answer["__type"]) == ("400", "AlreadyExistsException")
    assert ask("CreateResource", region="eu-west-1", DesiredState=state)[0] == "200"


@pytest.mark.parametrize("operation", ["GetResource", "UpdateResource", "DeleteResource"])
def test_what_is_not_there_is_not_found(ask: Ask, operation: str) -> None:
    status, answer = ask(operation, Identifier="none", PatchDocument="[]")
    assert (status, answer["__type"]) == ("400", "ResourceNotFoundException")


def test_a_change_inside_of_a_member_is_refused(ask: Ask) -> None:
    ask("CreateResource", DesiredState=json.dumps({"Identifier": "one", "owner": {"team": "x"}}))
    patch = json.dumps([{"op": "replace", "path": "/owner/team", "value": "y"}])
    assert ask("UpdateResource", Identifier="one", PatchDocument=patch)[1]["__type"] == "InvalidRequestException"
    assert properties(ask, "one")["owner"] == {"team": "x"}


def test_another_services_requests_go_to_the_account(ask: Ask) -> None:
    assert ask("GetParameter", target="AmazonSSM.") == ("200", "the account's own")
