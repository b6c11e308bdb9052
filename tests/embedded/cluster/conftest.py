"""A spec whose folders are the test's own."""

from pathlib import Path

import pytest

from embedded.cluster import ClusterSpec


@pytest.fixture
def spec(tmp_path: Path) -> ClusterSpec:
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("etcd", "kube-apiserver", "kubelet", "pause"):
        (tools / name).write_bytes(name.encode())
    return ClusterSpec(
        name="groundwork-test",
        network="10.81.0.0/16",
        api_port=16443,
        bin_dir=tools,
        state_dir=tmp_path / "state",
        registry_dir=tmp_path / "registry",
    )
