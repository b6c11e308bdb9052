"""What a stack's file may say of all pods."""

import json
from typing import Any

import pytest

from modules.core.contracts import PodRules, Proxy, Reach, Toleration
from modules.core.errors import UserError
from stacks.configuration import parse
from stacks.foundation.pods import LARGEST_CA, PodsSettings, pod_rules
from tests.authority import CA, KEY

ACCEPTED: list[dict[str, Any]] = [
    {},
    {"user": 10000},
    {"user": 1000660000},
    {"user": None},
    {"node_selector": {"pool": "ml", "kubernetes.io/arch": "arm64"}},
    {
        "tolerations": [
            {"key": "dedicated", "value": "ml", "effect": "NoSchedule"},
            {"key": "x/y", "operator": "Exists"},
        ]
    },
    {"tolerations": [{"key": "spot", "operator": "Exists", "effect": "NoExecute", "seconds": 60}]},
    {"labels": {"cost-center": "42", "kueue.x-k8s.io/queue-name": "team", "sidecar.istio.io/inject": "false", "e": ""}},
    {"annotations": {"cluster-autoscaler.kubernetes.io/safe-to-evict": "true", "team.example/contact": "a b, c"}},
    {"pull_policy": "Always"},
    {"proxy": {"http": "http://proxy.example:3128", "https": "http://10.0.0.9:3128/"}},
    {"proxy": {"https": "http://p", "no_proxy": [".example", "store.example:9000", "10.0.0.0/8", "fd00::/8", "::1"]}},
    {"ca": CA},
    {"ca": f"Someone's\n{CA}\nand once more\n{CA}"},
]
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"user": 1000}, ".user is 1000: allowed are 10000 to 2147483647, since a lower one may be that of a user of the"),
    ({"user": 0}, ".user is 0: allowed are 10000"),
    ({"user": 2**31}, ".user is 2147483648: allowed are"),
    ({"user": "10001"}, ".user is '10001'"),
    ({"uid": 10001}, ".uid: unknown key; allowed: annotations, ca, labels"),
    ({"node_selector": {"pool": "a b"}}, ".node_selector: pool has the value 'a b'"),
    ({"node_selector": {"groundwork.dev/simulated": "true"}}, ".node_selector: 'groundwork.dev/simulated' is the"),
    ({"node_selector": {"pool": True}}, ".node_selector.pool is True"),
    ({"tolerations": [{"value": "ml"}]}, ".tolerations.0.key: missing; Of the taint: dedicated."),
    ({"tolerations": [{"kye": "x"}]}, ".tolerations.0.k"),
    ({"tolerations": [{"key": "x"}]}, ".tolerations.0: operator Equal with value None: Equal needs a value"),
    ({"tolerations": [{"key": "x", "operator": "Exists", "value": "y"}]}, ".tolerations.0: operator Exists with"),
    ({"tolerations": [{"key": "x", "operator": "exists"}]}, ".tolerations.0.operator is 'exists'; did you mean 'Exi"),
    ({"tolerations": [{"key": "x", "value": "y", "seconds": 5}]}, ".tolerations.0: seconds 5 with effect None"),
    ({"tolerations": [{"key": "groundwork.dev/simulated", "operator": "Exists"}]}, ".tolerations.0: key groundwork."),
    ({"tolerations": {"key": "x"}}, ".tolerations is {'key': 'x'}"),
    ({"labels": {"app.kubernetes.io/name": "x"}}, ".labels: 'app.kubernetes.io/name' is the platform's own"),
    ({"labels": {"groundwork.dev/owner": "x"}}, ".labels: 'groundwork.dev/owner' is the platform's own"),
    ({"labels": {"batch.kubernetes.io/job-name": "x"}}, ".labels: 'batch.kubernetes.io/job-name' is Kubernetes' own"),
    ({"labels": {"kubernetes.io/os": "x"}}, ".labels: 'kubernetes.io/os' is Kubernetes' own"),
    ({"labels": {"pod-template-hash": "x"}}, ".labels: 'pod-template-hash' is Kubernetes' own"),
    ({"labels": {"a/b/c": "x"}}, ".labels: 'a/b/c' is no key"),
    ({"labels": {"-a": "x"}}, ".labels: '-a' is no key"),
    ({"labels": {"a": "x" * 64}}, ".labels: a has the value"),
    ({"annotations": {"groundwork.dev/checksum": "x"}}, ".annotations: 'groundwork.dev/checksum' is the platform's"),
    ({"annotations": {"kubernetes.io/config.mirror": "x"}}, ".annotations: 'kubernetes.io/config.mirror' is read by"),
    ({"annotations": {"pulumi.com/patchForce": "x"}}, ".annotations: 'pulumi.com/patchForce' is read by"),
    ({"pull_policy": "always"}, ".pull_policy is 'always'; did you mean 'Always'?"),
    ({"proxy": {"http": "proxy.example:3128"}}, ".proxy.http is 'proxy.example:3128': expected http://HOST:PORT"),
    ({"proxy": {"https": "socks5://p:1"}}, ".proxy.https is 'socks5://p:1': expected"),
    ({"proxy": {"https": "http://p:1/path"}}, ".proxy.https is 'http://p:1/path': expected"),
    ({"proxy": {"https": "http://p:many"}}, ".proxy.https is 'http://p:many': expected"),
    ({"proxy": {"https": "http://p", "no_proxy": ["a,b"]}}, ".proxy.no_proxy is ['a,b']: 'a,b': expected a host"),
    ({"proxy": {"https": "http://p", "no_proxy": ["http://a"]}}, ".proxy.no_proxy is ['http://a']: 'http://a': exp"),
    ({"proxy": {"https": "http://p", "no_proxy": "a"}}, ".proxy.no_proxy is 'a'"),
    ({"proxy": {"no_proxy": ["a"]}}, ".proxy: no_proxy is given, but neither http nor https"),
    ({"ca": "/etc/ssl/company.pem"}, ": ca is no certificate: expected PEM text"),
    ({"ca": CA.replace("M", "N", 1)}, ": ca is no certificate"),
    ({"ca": CA + " " * LARGEST_CA}, ": ca has "),
]


def parsed(given: dict[str, Any]) -> PodsSettings:
    return parse({"groundwork:foundation": {"pods": given}}, source="file").foundation.pods


def refused(given: dict[str, Any]) -> str:
    with pytest.raises(UserError) as caught:
        parsed(given)
    return str(caught.value)


@pytest.mark.parametrize("given", ACCEPTED, ids=lambda given: json.dumps(given)[:60])
def test_is_accepted(given: dict[str, Any]) -> None:
    assert isinstance(pod_rules(parsed(given)), PodRules)


@pytest.mark.parametrize(("given", "message"), REFUSED, ids=[json.dumps(given)[:60] for given, _ in REFUSED])
def test_is_refused_with_its_path(given: dict[str, Any], message: str) -> None:
    assert refused(given).startswith(f"groundwork:foundation.pods{message}")


@pytest.mark.parametrize("key", ["http", "https"])
def test_a_proxys_login_is_refused_and_not_shown(key: str) -> None:
    message = refused({"proxy": {key: "http://someone:hunter2@proxy.example:3128"}})
    assert message.startswith(f"groundwork:foundation.pods.proxy: {key} holds a login")
    assert "hunter2" not in message


@pytest.mark.parametrize("text", [KEY, CA + KEY, KEY + CA])
def test_a_private_key_is_refused_and_not_shown(text: str) -> None:
    message = refused({"ca": text})
    assert message.startswith("groundwork:foundation.pods: ca holds a private key")
    assert KEY.splitlines()[1][:20] not in message


def test_nothing_given_is_no_rule_but_the_images_user() -> None:
    assert pod_rules(parsed({})) == PodRules(user=10001)


def test_what_is_given_is_the_contract() -> None:
    given = {
        "user": None,
        "tolerations": [{"key": "dedicated", "value": "ml"}],
        "proxy": {"https": "http://proxy.example:3128", "no_proxy": [".example"]},
    }
    assert pod_rules(parsed(given)) == PodRules(
        user=None,
        tolerations=(Toleration(key="dedicated", value="ml"),),
        proxy=Proxy(
            https="http://proxy.example:3128", reach=(Reach(port=3128, ranges=("0.0.0.0/0",)),), exempt=(".example",)
        ),
    )


@pytest.mark.parametrize(
    ("http", "https", "reach"),
    [
        ("http://10.0.0.9:3128", None, [(3128, ("10.0.0.9/32",))]),
        ("http://proxy.example:3128", "http://proxy.example:3128", [(3128, ("0.0.0.0/0",))]),
        ("http://10.0.0.9", "https://10.0.0.9", [(80, ("10.0.0.9/32",)), (443, ("10.0.0.9/32",))]),
        ("http://10.0.0.9:3128", "http://10.0.0.8:3128", [(3128, ("10.0.0.8/32", "10.0.0.9/32"))]),
    ],
)
def test_a_proxy_is_reached_at_its_address_or_where_it_has_a_name_at_its_port(
    http: str | None, https: str | None, reach: list[tuple[int, tuple[str, ...]]]
) -> None:
    proxy = pod_rules(parsed({"proxy": {"http": http, "https": https}})).proxy
    assert proxy is not None
    assert [(each.port, each.ranges) for each in proxy.reach] == reach
