"""The real engine with the stand-ins: plain `pulumi` commands on programs of a few lines."""

import json
import signal
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.processes import running

from .project import QUIET, Project

PLATFORM = """
    import pulumi, pulumi_kubernetes as k8s, pulumi_random as random, pulumi_tls as tls
    provider = k8s.Provider("cluster", context="bare", cluster_identifier="bare")
    opts = pulumi.ResourceOptions(provider=provider)
    space = k8s.core.v1.Namespace("space", metadata={"name": "engine"}, opts=opts)
    name = space.metadata.name
    password = random.RandomPassword("password", length=24)
    key = tls.PrivateKey("key", algorithm="ED25519")
    secret = k8s.core.v1.Secret(
        "secret", metadata={"name": "s", "namespace": name}, string_data={"p": password.result}, opts=opts)
    labels = {"app": "web"}
    container = {"name": "c", "image": "x", "env": [{"name": "P", "value": password.result}]}
    web = k8s.apps.v1.Deployment("web", metadata={"name": "web", "namespace": name}, spec={
        "replicas": 2, "selector": {"match_labels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}}}, opts=opts)
    pulumi.export("password", password.result)
    pulumi.export("data", secret.data)
    pulumi.export("ready", web.status.available_replicas)
"""


def test_a_program_goes_up_shows_no_change_and_goes(project: Project) -> None:
    project.write(PLATFORM)
    assert "7 to create" in project.run("preview")
    assert "7 created" in project.up()
    assert "7 unchanged" in project.run("preview", "--expect-no-changes")
    assert project.outputs()["ready"] == 2
    password = str(project.outputs()["password"])
    assert password not in project.state()
    assert password not in project.run("up", "--yes", "--diff")
    assert "7 unchanged" in project.run("refresh", "--yes", "--skip-preview")
    assert "7 deleted" in project.run("destroy", "--yes", "--skip-preview")


def test_an_existing_object_is_read_and_imported(project: Project, kubectl: Callable[..., str]) -> None:
    kubectl("create", "configmap", "given", "--from-literal=a=1")
    project.write(
        """
        import pulumi, pulumi_kubernetes as k8s
        found = k8s.core.v1.ConfigMap.get("found", "default/given")
        pulumi.export("data", found.data)
        k8s.core.v1.ConfigMap("mine", metadata={"name": "given", "namespace": "default"}, data={"a": "1"},
                              opts=pulumi.ResourceOptions(import_="default/given", retain_on_delete=True))
        """
    )
    assert "1 imported" in project.up()
    assert project.outputs()["data"] == {"a": "1"}
    project.run("destroy", "--yes", "--skip-preview")
    assert "given" in kubectl("get", "configmap", "-o", "name")


def test_an_unreachable_cluster_is_an_error_and_leaves_the_state_alone(project: Project, tmp_path: Path) -> None:
    project.write(
        """
        import pulumi_kubernetes as k8s
        k8s.core.v1.ConfigMap("one", metadata={"name": "one", "namespace": "default"}, data={"a": "1"})
        """
    )
    project.up()
    before = project.resources()
    reachable = project.environment["KUBECONFIG"]
    dead = tmp_path / "dead"
    cluster = {"name": "bare", "cluster": {"server": "http://127.0.0.1:1"}}
    context = {"name": "bare", "context": {"cluster": "bare"}}
    dead.write_text(json.dumps({"current-context": "bare", "clusters": [cluster], "contexts": [context]}))
    project.environment["KUBECONFIG"] = str(dead)
    for command in (("refresh", "--yes", "--skip-preview"), ("destroy", "--yes", "--skip-preview")):
        assert "is unreachable" in project.run(*command, check=False)
    assert project.resources() == before
    project.environment["KUBECONFIG"] = reachable
    project.run("destroy", "--yes", "--skip-preview")


def test_a_dynamic_provider_runs_in_the_programs_python(project: Project) -> None:
    project.write(
        """
        import pulumi
        from pulumi.dynamic import CreateResult, Resource, ResourceProvider

        class Doubler(ResourceProvider):
            def create(self, props):
                return CreateResult("the-id", {"twice": props["number"] * 2})

        class Double(Resource):
            twice: pulumi.Output[int]
            def __init__(self, name, number):
                super().__init__(Doubler(), name, {"number": number, "twice": None})

        pulumi.export("twice", Double("d", 21).twice)
        """
    )
    project.up()
    assert project.outputs()["twice"] == 42


def test_a_policy_pack_knows_its_stack_and_refuses(project: Project) -> None:
    pack = project.folder / "policies"
    pack.mkdir()
    (pack / "PulumiPolicy.yaml").write_text(f"runtime: {{name: python, options: {project.options}}}\n")
    (pack / "__main__.py").write_text(
        textwrap.dedent(
            """
            import pulumi
            from pulumi_policy import EnforcementLevel, PolicyPack, ResourceValidationPolicy

            def short(args, report):
                if args.resource_type.startswith("random:") and args.props.get("length", 99) < 8:
                    report(f"too short for {pulumi.get_project()}/{pulumi.get_stack()}")

            PolicyPack("pack", policies=[ResourceValidationPolicy(
                name="length", description="Passwords are long.", validate=short,
                enforcement_level=EnforcementLevel.MANDATORY)])
            """
        )
    )
    project.write('import pulumi_random as r\nr.RandomString("s", length=4)\n')
    output = project.run("preview", "--policy-pack", str(pack), check=False)
    assert "too short for small/dev" in output


def test_configuration_and_its_secrets_reach_the_program(project: Project) -> None:
    project.run("config", "set", "plain", "1")
    project.run("config", "set", "--secret", "hidden", "hunter2")
    project.write(
        """
        import pulumi
        config = pulumi.Config()
        pulumi.export("plain", config.require_int("plain"))
        pulumi.export("hidden", config.require_secret("hidden"))
        pulumi.export("stack", pulumi.get_stack())
        """
    )
    assert "hunter2" not in project.up()
    assert project.outputs() == {"plain": 1, "hidden": "hunter2", "stack": "dev"}


def test_a_failing_program_shows_its_own_lines_only(project: Project) -> None:
    project.write("def broken():\n    raise ValueError('no such thing')\n\nbroken()\n")
    output = project.run("preview", check=False)
    assert "ValueError: no such thing" in output
    assert "__main__.py" in output
    assert "runpy" not in output


@pytest.mark.parametrize("command", [("preview",), ("preview", "--json"), ("up", "--yes", "--skip-preview")])
def test_a_failing_resource_shows_its_cause_alone(tmp_path: Path, toolchain: Path, command: tuple[str, ...]) -> None:
    project = Project(tmp_path, toolchain, kubeconfig="")
    project.write(
        """
        import pulumi
        import pulumi_random as random

        bad = random.RandomString("bad", length=4, min_lower=9)
        for number in range(20):
            random.RandomString(f"good-{number}", length=bad.result.apply(len))
        """
    )
    project.run("stack", "init", "dev")
    output = project.run(*command, check=False)
    assert "length is 4; at least 9" in output
    for noise in ("Traceback", "KeyboardInterrupt", "Exception ignored", "lost sys.stderr"):
        assert noise not in output


def test_a_program_that_ends_by_itself_says_so_in_its_own_words(tmp_path: Path, toolchain: Path) -> None:
    project = Project(tmp_path, toolchain, kubeconfig="")
    project.write("import atexit, sys\natexit.register(print, 'tidied up')\nsys.exit('enough')\n")
    project.run("stack", "init", "dev")
    output = project.run("preview", check=False)
    assert "enough" in output
    assert "tidied up" in output
    assert "Traceback" not in output


def test_what_a_program_does_at_its_end_and_on_other_threads_is_done(project: Project) -> None:
    project.write("""
        import atexit, pathlib, threading, time
        from concurrent.futures import ThreadPoolExecutor

        def work():
            time.sleep(1)
            pathlib.Path("worked").touch()

        threading.Thread(target=work).start()
        ThreadPoolExecutor(1).submit(lambda: time.sleep(1) or pathlib.Path("pooled").touch())
        atexit.register(lambda: pathlib.Path("left").write_text(" ".join(sorted(map(str, pathlib.Path().glob("*ed"))))))
        print("the last words", end="")
    """)
    assert "the last words" in project.up()
    assert (project.folder / "left").read_text() == "pooled worked"


def test_only_the_programs_folder_is_on_its_module_path(project: Project) -> None:
    project.write("import sys, pulumi\npulumi.export('first', sys.path[0])\npulumi.export('all', sys.path)\n")
    project.up()
    outputs = project.outputs()
    assert outputs["first"] == str(project.folder)
    assert not [entry for entry in list[str](outputs["all"]) if "providers/language" in entry]  # type: ignore[call-overload]


def test_a_missing_virtual_environment_is_named_with_its_remedy(project: Project) -> None:
    project.options = "{virtualenv: nothing}"
    project.write("")
    output = project.run("preview", check=False)
    assert "nothing does not exist; `pulumi install` makes it" in output


def test_the_programs_packages_are_reported(project: Project) -> None:
    output = project.run("about", "--json")
    found = json.loads(output[output.index("{") :])
    assert any(entry["name"] == "groundwork" for entry in found["dependencies"])


def test_an_interrupted_run_ends_in_order_and_keeps_what_was_made(project: Project) -> None:
    project.write(
        """
        import pulumi_kubernetes as k8s
        labels = {"app": "never"}
        k8s.apps.v1.Deployment("never", metadata={"name": "never", "namespace": "default"}, spec={
            "selector": {"match_labels": labels}, "template": {"metadata": {"labels": labels}, "spec": {
                "node_selector": {"no": "where"}, "containers": [{"name": "c", "image": "x"}]}}})
        """
    )
    command = ["pulumi", "up", "--yes", "--skip-preview", *QUIET]
    with running(command, cwd=project.folder, env=project.environment) as process:
        assert process.stdout
        for line in process.stdout:
            if "never" in line and "Waiting for" in line:  # why it waits is shown while it does
                break
        started = time.monotonic()
        process.send_signal(signal.SIGINT)
        output = process.stdout.read()
        process.wait(60)
    assert time.monotonic() - started < 20
    assert "^C received; cancelling" in output
    assert "Resource operation was cancelled" in output, output
    assert any(str(entry["urn"]).endswith("::never") and entry["id"] for entry in project.resources())
    project.run("destroy", "--yes", "--skip-preview")
