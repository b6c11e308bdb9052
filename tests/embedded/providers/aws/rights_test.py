"""Documents and tags that belong to what something else made, and what only an account knows: its secrets."""

import json
from pathlib import Path
from typing import Any

from ..project import Project
from .search import Aws, left

PROGRAM = (Path(__file__).parent / "programs" / "rights.py").read_text()
OTHERS = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*"}]}
)


def test_rights_that_somebody_changed_are_seen_and_mended(cloud: Project, aws: Aws) -> None:
    before = left(aws)
    cloud.write(PROGRAM)
    cloud.up()
    made: Any = cloud.outputs()
    assert (made["subnets"], made["vpcs"]) == ([200, 250, "APPROVED"], 5)
    iam, queue = aws("iam"), {"QueueUrl": made["queue"]}
    iam.put_role_policy(RoleName=made["role"], PolicyName="objects", PolicyDocument=OTHERS)
    iam.put_role_policy(RoleName=made["role"], PolicyName="more", PolicyDocument=OTHERS)
    aws("sqs").set_queue_attributes(**queue, Attributes={"Policy": ""})
    tag = {"Key": "karpenter.sh/discovery", "Value": "other"}
    aws("ec2").create_tags(Resources=[made["group"]], Tags=[tag])

    seen = cloud.run("refresh", "--yes", "--skip-preview", "--diff")
    for change in ("kms:Decrypt", '"one" => "other"', "aws:sqs/queuePolicy:QueuePolicy: (delete)"):
        assert change in seen, seen
    cloud.up()
    assert sorted(iam.list_role_policies(RoleName=made["role"])["PolicyNames"]) == ["objects", "queue"]
    objects: Any = iam.get_role_policy(RoleName=made["role"], PolicyName="objects")["PolicyDocument"]
    assert objects["Statement"][0]["Action"] == "s3:GetObject"
    policy: str = aws("sqs").get_queue_attributes(**queue, AttributeNames=["Policy"])["Attributes"]["Policy"]
    assert "events.amazonaws.com" in policy
    cloud.run("refresh", "--yes", "--skip-preview", "--expect-no-changes")
    cloud.run("preview", "--expect-no-changes")
    cloud.run("destroy", "--yes", "--skip-preview")
    assert left(aws) == before


def test_a_password_that_the_account_keeps_is_read_and_stays_secret(cloud: Project, aws: Aws) -> None:
    cloud.write(PROGRAM)
    shown = cloud.up()
    made: Any = cloud.outputs()
    kept = aws("secretsmanager").get_secret_value(SecretId=made["secret"])["SecretString"]
    assert made["password"] == json.loads(kept)["password"]
    assert made["password"] not in shown + cloud.state()
    cloud.run("destroy", "--yes", "--skip-preview")
