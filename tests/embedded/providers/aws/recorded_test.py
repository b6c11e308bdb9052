"""Types that nothing emulates: their records live, change, are mended and go, and the person is informed of it."""

import json
from pathlib import Path
from typing import Any

from ..project import Project
from .search import ACCOUNT, Aws

PROGRAM = (Path(__file__).parent / "programs" / "recorded.py").read_text()
KIND = "AWS::AppConfig::Application"


def records(aws: Aws) -> dict[str, Any]:
    listed = aws("cloudcontrol").list_resources(TypeName=KIND)["ResourceDescriptions"]
    return {entry["Identifier"]: json.loads(entry["Properties"]) for entry in listed}


def test_a_record_goes_up_changes_is_replaced_is_mended_and_goes(cloud: Project, aws: Aws) -> None:
    cloud.write(PROGRAM)
    output = cloud.up()
    assert "5 created" in output
    assert "recorded: aws:appconfig/application:Application is not emulated" in output
    made = cloud.outputs()
    assert str(made["group"]).startswith(f"arn:aws:xray:us-east-1:{ACCOUNT}:group/")
    assert str(made["name"]).startswith("application-")
    unchanged(cloud)

    cloud.run("config", "set", "text", "two")
    assert "2 updated" in cloud.up()
    (id, record) = records(aws).popitem()
    assert (id, record["description"], record["tagsAll"]) == (made["application"], "two", {"owner": "team"})
    unchanged(cloud)

    cloud.run("config", "set", "analyzer", "second")
    assert "1 replaced" in cloud.up()

    patch = json.dumps([{"op": "replace", "path": "/description", "value": "somebody's"}])
    aws("cloudcontrol").update_resource(TypeName=KIND, Identifier=id, PatchDocument=patch)
    assert '"two" => "somebody\'s"' in cloud.run("refresh", "--yes", "--skip-preview", "--diff")
    assert "1 updated" in cloud.up()
    assert records(aws)[id]["description"] == "two"

    aws("cloudcontrol").delete_resource(TypeName=KIND, Identifier=id)
    assert "1 deleted" in cloud.run("refresh", "--yes", "--skip-preview")
    cloud.up()
    cloud.run("destroy", "--yes", "--skip-preview")
    assert records(aws) == {}


def unchanged(cloud: Project) -> None:
    cloud.run("preview", "--expect-no-changes")
    cloud.run("refresh", "--yes", "--skip-preview", "--expect-no-changes")
