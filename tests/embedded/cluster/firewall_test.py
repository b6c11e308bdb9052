"""Who of this machine may begin a connection to a cluster: the rules as text. That they hold is tried on a platform."""

from embedded.cluster.firewall import rules
from embedded.cluster.network import split

RULES = rules("gw-1", split("10.81.0.0/16"))


def verdicts() -> list[str]:
    """The rules for what this machine itself sends, in their order."""
    output = RULES.split("policy accept;")[1].split("}\n  chain")[0]
    return [line.strip() for line in output.strip().splitlines()[:-1] if line.strip()]


def test_other_links_are_left_alone_and_what_is_not_allowed_is_refused_at_once() -> None:
    assert verdicts()[0] == 'oifname != "gw-1" accept'
    assert [line for line in RULES.splitlines() if line.strip() == "reject"]


def test_root_gets_to_everything_and_others_to_the_api_server_and_what_an_admin_published() -> None:
    allowed = RULES[RULES.index("meta skuid 0") :]
    assert allowed.index("skuid 0 accept") < allowed.index("tcp dport 6443 accept") < allowed.index("reject")
    assert "ip daddr 10.81.0.1 tcp dport != { 5000, 4443, 10250, 10256 } accept" in allowed


def test_what_this_machine_passes_on_for_others_gets_to_nothing() -> None:
    forward = RULES[RULES.index("chain forward") :]
    assert 'oifname "gw-1" reject' in forward
    assert "accept" not in forward.split("policy accept;")[1]


def test_they_replace_those_that_are_there_in_one_step() -> None:
    assert RULES.strip().startswith("add table inet gw-1\ndelete table inet gw-1\ntable inet gw-1 {")
