from dataclasses import replace

import pytest

from embedded.cluster import ClusterSpec
from embedded.cluster.parts import parts


@pytest.mark.parametrize("outside", [False, True])
def test_only_what_pulls_images_has_a_way_outside_and_only_where_it_is_asked_for(
    spec: ClusterSpec, outside: bool
) -> None:
    variables = {
        part.name: part.environment for part in parts(replace(spec, outside_images=outside)) if part.environment
    }
    way = {"HTTPS_PROXY": "http://10.81.255.253:17128", "NO_PROXY": "10.81.0.0/16"}
    assert variables == ({"containerd": way} if outside else {})


def test_pods_that_ask_for_accelerators_tolerate_their_taint_as_on_a_cloud(spec: ClusterSpec) -> None:
    (server,) = (part for part in parts(spec) if part.name == "kube-apiserver")
    (plugins,) = (each for each in server.command if each.startswith("--enable-admission-plugins="))
    assert set(plugins.partition("=")[2].split(",")) == {
        "NodeRestriction",
        "DenyServiceExternalIPs",
        "EventRateLimit",
        "ExtendedResourceToleration",
    }


def test_tokens_are_of_the_issuer_that_is_asked_for_and_always_for_the_cluster_itself(spec: ClusterSpec) -> None:
    own = "https://kubernetes.default.svc.cluster.local"
    for given, issuer in ((spec, own), (replace(spec, issuer="https://oidc.example"), "https://oidc.example")):
        (server,) = (part for part in parts(given) if part.name == "kube-apiserver")
        assert f"--service-account-issuer={issuer}" in server.command
        assert f"--api-audiences={own}" in server.command
