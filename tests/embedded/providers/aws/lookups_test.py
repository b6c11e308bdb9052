"""Programs look up what others made, as AWS would answer."""

from pathlib import Path

from ..project import Project

PROGRAM = (Path(__file__).parent / "programs" / "lookups.py").read_text()


def test_what_a_program_looks_up_is_what_is_there(cloud: Project) -> None:
    cloud.write(PROGRAM)
    cloud.up()
    cloud.run("preview", "--expect-no-changes")
    found = cloud.outputs()
    assert {name for name, same in found.items() if same is not True} == {"subnet", "managed", "principal", "login"}
    assert found["subnet"] in {f"us-east-1{letter}" for letter in "abcdef"}
    assert (found["managed"], found["principal"], found["login"]) == ("ReadOnlyAccess", "ec2.amazonaws.com", "AWS")
    cloud.run("destroy", "--yes", "--skip-preview")


def test_a_look_up_of_nothing_names_what_was_asked_for(cloud: Project) -> None:
    for program, message in {
        'iam.get_role(name="nobody")': "getRole: nothing is there by {'name': 'nobody'}",
        'ec2.get_subnet(tags={"of": "nobody"})': "getSubnet: 0 match {'tags': {'of': 'nobody'}}; exactly one must",
        'appconfig.get_application(name="nothing")': "getApplication: 0 records match {'name': 'nothing'}",
    }.items():
        cloud.write(f"from pulumi_aws import appconfig, ec2, iam\n{program}\n")
        assert message in cloud.up(check=False)
