"""What `scripts/bench aws` makes of what it measured."""

from typing import Any

import pytest

from modules.core.yaml_files import read_yaml
from scripts.benchmarks.aws.__main__ import TIMES, Figures, document, table
from scripts.benchmarks.aws.path import longest_path
from scripts.benchmarks.aws.platform import Run

SECONDS = {"aws:eks/cluster:Cluster": 6.0, "aws:eks/nodeGroup:NodeGroup": 1.2, "aws:rds/instance:Instance": 3.0}


def resource(type: str, name: str, *dependencies: str, provider: str = "") -> dict[str, Any]:
    return {"type": type, "urn": f"urn::{name}", "dependencies": [f"urn::{each}" for each in dependencies]} | (
        {"provider": f"urn::{provider}::id"} if provider else {}
    )


def test_the_longest_path_counts_what_must_wait_for_each_other() -> None:
    state = [
        resource("aws:ec2/vpc:Vpc", "vpc"),
        resource("aws:eks/cluster:Cluster", "cluster", "vpc"),
        resource("aws:rds/instance:Instance", "database", "vpc"),
        resource("aws:eks/nodeGroup:NodeGroup", "nodes", "cluster", "vpc"),
    ]
    assert longest_path(state, SECONDS) == (7.2, ["Cluster cluster", "NodeGroup nodes"])
    waits = [*state[:2], resource("aws:rds/instance:Instance", "database", "cluster")]
    assert longest_path(waits, SECONDS)[0] == 9.0


def test_what_is_in_a_cluster_waits_for_its_provider() -> None:
    state = [
        resource("aws:eks/cluster:Cluster", "cluster"),
        resource("pulumi:providers:kubernetes", "kubernetes", "cluster"),
        resource("kubernetes:core/v1:Namespace", "space", provider="kubernetes"),
        resource("aws:rds/instance:Instance", "database", "space"),
    ]
    assert longest_path(state, SECONDS)[0] == 9.0
    assert longest_path([], SECONDS) == (0.0, [])


def test_each_time_says_where_it_comes_from() -> None:
    times = read_yaml(TIMES.read_text(), source=TIMES.name)
    assert {"eks:CreateCluster", "rds:CreateDBInstance", "ec2:CreateNatGateway"} <= times.keys()
    for each in times.values():
        assert each.keys() == {"resource", "seconds", "source"}
        assert each["source"].startswith(("github.com/", "assumed"))


def test_the_report_sets_what_was_measured_beside_its_goal() -> None:
    figures = Figures(
        imports=[1.1, 1.3, 1.2],
        up=Run(10.0, 20.0),
        previews=[Run(4.0, 6.0), Run(9.0, 6.5), Run(5.0, 7.0)],
        resources=321,
        path=9.0,
        on_path=["Cluster cluster", "Instance database"],
    )
    found = document(figures, 100.0)
    assert found["import"] == {"cpu": 1.2}
    assert found["preview"] == {"median": 5.0, "cpu": 6.5}
    assert found["up"]["ratio"] == pytest.approx(1.11)
    assert "longest path                             9.00   Cluster cluster, Instance database" in table(found)
    assert "10.35 s" in table(found)
