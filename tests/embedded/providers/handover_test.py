"""A foundation that crosses from one stack to another by the real engine, in a file backend."""

from pathlib import Path

import pytest

from .project import Project

FOUNDATION = """
    import pulumi
    from stacks.foundation.handover import OUTPUT, document
    from tests.stacks.foundation.handover_test import handover
    if pulumi.Config().get_bool("hands_over"):
        pulumi.export(OUTPUT, pulumi.Output.from_input("later").apply(lambda _: document(handover())))
    pulumi.export("password", pulumi.Output.secret("not-for-others"))
"""
SERVICES = """
    import pulumi
    from modules.core.errors import UserError
    from stacks.foundation.handover import read
    from stacks.foundation.stack_settings import StackSettings
    try:
        handed = read(StackSettings(stack=pulumi.Config().require("on")), pulumi.get_stack())
    except UserError as error:
        raise pulumi.RunError(str(error)) from None
    pulumi.export("endpoint", handed.object_store.endpoint)
    pulumi.export("bucket", handed.object_store.buckets["raw"])
"""


@pytest.fixture
def stacks(tmp_path: Path, toolchain: Path) -> Project:
    """The stacks prod, whose foundation was made, and prod-services."""
    made = Project(tmp_path, toolchain, kubeconfig="")
    made.name = "groundwork"
    made.write(FOUNDATION)
    for stack in ("prod", "prod-services"):
        made.run("stack", "init", stack)
    made.run("config", "set", "hands_over", "true", "--stack", "prod")
    made.run("up", "--yes", "--skip-preview", "--stack", "prod")
    made.write(SERVICES)
    return made


def on(project: Project, name: str) -> None:
    project.run("config", "set", "on", name)


def test_the_services_stack_reads_what_the_foundations_stack_handed_over(stacks: Project) -> None:
    on(stacks, "prod")
    assert "prod-services" in stacks.up()
    assert stacks.outputs() == {"bucket": "local-raw"}  # the cloud's own endpoint is null, and stays so
    assert "organization/groundwork/prod" in stacks.state()
    assert "not-for-others" not in stacks.state()
    stacks.run("preview", "--expect-no-changes")


def test_a_preview_knows_what_was_handed_over(stacks: Project) -> None:
    on(stacks, "organization/groundwork/prod")
    assert "local-raw" in stacks.run("preview", "--diff")


def test_a_stack_that_is_not_there_is_refused_with_what_to_do(stacks: Project) -> None:
    on(stacks, "nothing")
    output = stacks.up(check=False)
    assert (
        "groundwork:foundation.stack is 'nothing', which can't be read: unknown stack "
        '"organization/groundwork/nothing": `pulumi stack ls` lists the stacks of this backend' in output
    )
    assert "Traceback" not in output


def test_a_stack_that_hands_over_no_more_is_refused(stacks: Project) -> None:
    stacks.write(FOUNDATION)
    stacks.run("config", "set", "hands_over", "false", "--stack", "prod")
    stacks.run("up", "--yes", "--skip-preview", "--stack", "prod")
    stacks.write(SERVICES)
    on(stacks, "prod")
    assert "has no output 'foundation' that is not secret: set foundation.services_stack: prod-services" in stacks.up(
        check=False
    )
