"""What HAProxy is given. What it does with it is shown by tests/integration/gateway_test.py."""

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pytest

from modules.core.contracts import Entry, Route
from modules.core.settings import ResourceAmounts
from modules.gateway.configuration import configuration, files, seconds_page
from tests.neighbours import CLOUD_ENTRY, ENTRY

from .documents_test import IRIS, MLFLOW, MODEL, TRACKING

LIMITS = ResourceAmounts(cpu="1", memory="256Mi")


def lines(*routes: Route, entry: Entry = ENTRY, limits: ResourceAmounts = LIMITS) -> list[str]:
    text = configuration(routes, entry, limits)
    return [line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith("#")]


def section(found: Sequence[str], title: str) -> list[str]:
    """The lines of a section by the beginning of its first one."""
    begun = [number for number, line in enumerate(found) if line.split(" ", 1)[0] in SECTIONS]
    (start,) = (number for number in begun if found[number].startswith(title))
    end = next((number for number in begun if number > start), len(found))
    return list(found[start + 1 : end])


SECTIONS = {"global", "defaults", "frontend", "backend"}


def test_a_service_is_reached_by_its_host_and_by_its_path() -> None:
    found = lines(MLFLOW, IRIS)
    assert "acl by-path var(txn.first) -m str mlflow iris" in found
    assert "acl itself var(txn.host) -m str localhost 127.0.0.1" in found
    assert "http-request set-var(txn.to) var(txn.first) if itself by-path" in found
    hosts = "groundwork.localhost mlflow.localhost iris.localhost"
    assert f"http-request set-var(txn.to) var(txn.host),field(1,.) if {{ var(txn.host) -m str {hosts} }}" in found
    assert section(found, "frontend https")[-1] == "use_backend %[var(txn.to)]"
    assert "server mlflow mlflow.local-mlflow:5000 init-addr libc,none" in section(found, "backend mlflow")


@pytest.mark.parametrize(
    ("asked", "path"), [("/mlflow", "/"), ("/mlflow/", "/"), ("/mlflow/a/b/", "/a/b/"), ("/mlflow/a%2Fb", "/a%2Fb")]
)
def test_a_service_gets_its_path_without_the_part_that_led_to_it(asked: str, path: str) -> None:
    (rule,) = (line for line in lines(MLFLOW) if line.startswith("http-request set-path "))
    cut = re.fullmatch(r"http-request set-path %\[path,regsub\((.+),/\)\] if itself by-path", rule)
    assert cut
    assert re.sub(cut[1], "/", asked) == path


@pytest.mark.parametrize(
    ("asked", "led_to"),
    [
        ("/mlflow", "/"),
        ("/mlflow/", "/"),
        ("/mlflow/a/b?c=/d", "/a/b?c=/d"),
        ("/mlflow?a=b", "/?a=b"),
    ],
)
def test_who_opens_a_page_by_its_path_is_led_to_its_own_host(asked: str, led_to: str) -> None:
    rules = [line for line in lines(MLFLOW) if line.startswith("http-request redirect")]
    assert [rule.split()[3] for rule in rules] == ["302", "307"]
    for rule in rules:
        location = re.fullmatch(r"(\S+)%\[pathq,regsub\((.+),/\)\]", rule.split()[5])
        assert location
        assert location[1] == "https://%[var(txn.first)].localhost%[var(txn.port)]"
        assert re.sub(location[2], "/", asked) == led_to


def test_a_browser_is_led_on_before_any_login_is_asked_for() -> None:
    found = lines(MLFLOW)
    page = "http-request set-var(txn.page) bool(true) if itself by-path opens wants-html or itself by-path navigates"
    (asks,) = (number for number, line in enumerate(found) if "deny status 401" in line)
    (leads, last) = (number for number, line in enumerate(found) if line.startswith("http-request redirect"))
    assert found.index(page) < leads < last < asks


def test_who_is_let_in_is_asked_again_by_the_service_itself() -> None:
    found = lines(MLFLOW, IRIS)
    (rule,) = (line for line in found if "deny status 401" in line)
    assert "acl mlflow-users var(txn.to) -m str mlflow" in found
    known = (
        "http_auth_user,concat(:,txn.password),sha2(256),hex -m str -f /var/run/groundwork/login/mlflow-users/digests"
    )
    assert rule.endswith(f"if mlflow-users !{{ {known} }}")
    assert not [line for line in found if "del-header Authorization" in line]


def test_guesses_at_passwords_that_a_service_takes_itself_are_bounded_on_every_way_to_it() -> None:
    found = lines(replace(IRIS, own_logins=("/auth/login", "/auth/token")), MLFLOW)
    assert "acl iris-login path,url_dec,regsub(/+,/,g) -m beg /auth/login /auth/token" in found
    guess = "http-request set-var(txn.guess) bool(true) if { var(txn.to) -m str iris } iris-login"
    # By its path too: of that, what led here has gone by then.
    assert found.index(guess) > next(number for number, line in enumerate(found) if "set-path" in line)
    assert "http-request deny status 429 if { var(txn.guess) -m bool } { var(txn.due),sub(txn.now) ge 30 }" in found
    assert not [line for line in lines(MLFLOW) if "txn.guess" in line]


def test_who_has_many_addresses_of_ipv6_has_the_guesses_of_one() -> None:
    found = lines(replace(IRIS, own_logins=("/login",)), MLFLOW)
    tracked = [line.split()[2] for line in found if re.match(r"http-request track-sc[12] ", line)]
    assert tracked == ["src,ipmask(32,64)"] * 2
    assert [line for line in found if "{ src,ipmask(32,64),table_http_req_rate(login-rate) ge 400 }" in line]


def test_a_canary_s_requests_are_what_it_can_be_given_again_and_what_it_fails_is_asked_of_what_serves() -> None:
    found = lines(IRIS, MLFLOW)
    assert "acl short req.hdr_val(content-length) lt 12000" in found
    shared = "{ var(txn.to) -m str iris } short !names-version"
    assert f"http-request set-var(proc.route0) var(proc.route0),add(1) if {shared}" in found
    assert f"use_backend iris-canary if {shared} {{ var(proc.route0),mul(63),mod(100) lt 10 }}" in found
    canary = section(found, "backend iris-canary")
    assert "retry-on all-retryable-errors 404 501" in canary
    assert "option http-buffer-request" in canary
    assert [line for line in canary if line.startswith("server ")] == [
        "server iris-canary iris-canary.local-iris:8080 init-addr libc,none",
        "server fallback iris.local-iris:8080 init-addr libc,none",
    ]
    assert not [line for line in lines(MLFLOW) if "short !names-version" in line]


def share(found: Sequence[str], requests: int) -> list[str]:
    """To which server each of so many requests goes, by the rules of the first route."""
    rules = [re.fullmatch(r"use_backend (\S+) if .+mul\((\d+)\),mod\((\d+)\) lt (\d+) \}", line) for line in found]
    given = [(rule[1], *map(int, rule.groups()[1:])) for rule in rules if rule]
    chosen: list[str] = []
    for number in range(1, requests + 1):
        fits = (name for name, step, total, below in given if number * step % total < below)
        chosen.append(next(fits, "iris"))
    return chosen


@pytest.mark.parametrize("weight", [0, 1, 5, 10, 30, 50, 99, 100])
def test_a_canary_gets_its_share_of_any_hundred_requests_evenly(weight: int) -> None:
    chosen = share(lines(replace(IRIS, weights={"iris": 100 - weight, "iris-canary": weight})), 300)
    for begun in range(0, 200, 7):
        assert Counter(chosen[begun : begun + 100])["iris-canary"] == weight
        assert abs(Counter(chosen[begun : begun + 20])["iris-canary"] - weight / 5) <= 1


def test_what_serves_is_asked_once_and_its_silence_is_an_answer() -> None:
    """HAProxy would cut a connection instead, and a client of HTTP/2 would send the request anew."""
    found = section(lines(MLFLOW), "backend mlflow")
    assert "retry-on conn-failure empty-response" in found
    assert {"retries 1", "option redispatch 1", "balance first"} < set(found)
    assert [line for line in found if line.startswith("server ")][1:] == ["server failed 127.0.0.1:9101"]


def test_calls_of_grpc_go_to_what_serves_at_the_host_s_name() -> None:
    """Of a canary too: what it fails to answer could not be asked of another."""
    found = lines(replace(IRIS, grpc="h2c://iris.local-iris:8081"))
    rule = "use_backend iris-grpc if { var(txn.host) -m str iris.localhost } "
    (number,) = (number for number, line in enumerate(found) if line.startswith(rule))
    assert found[number] == rule + "{ req.hdr(content-type) -m beg application/grpc }"
    assert number < next(number for number, line in enumerate(found) if line.startswith("use_backend iris-canary"))
    servers = section(found, "backend iris-grpc")
    assert "server iris-grpc iris.local-iris:8081 init-addr libc,none proto h2" in servers
    assert not [line for line in lines(IRIS) if "grpc" in line]


def test_servers_are_called_by_the_names_they_know() -> None:
    assert "http-request set-header Host mlflow.local-mlflow:5000" in section(lines(MLFLOW), "backend mlflow")


def test_what_no_route_claims_is_the_landing_pages_and_another_host_is_nobody_s() -> None:
    found = lines(MLFLOW)
    assert "http-request set-var(txn.to) str(groundwork) if itself !by-path" in found
    assert "server portal 127.0.0.1:8000 maxconn 32" in section(found, "backend groundwork")
    (none,) = (line for line in found if "return status 404 content-type" in line)
    assert none.endswith("unless { var(txn.to) -m found }")


def test_every_way_in_is_encrypted_and_only_metrics_and_probes_are_open_to_the_cluster() -> None:
    found = lines(MLFLOW)
    assert [line for line in found if line.startswith("bind ")] == [
        "bind :8443 ssl crt /var/run/groundwork/certificate/tls.crt alpn h2,http/1.1",
        "bind 127.0.0.1:9101",
        "bind :9100",
    ]
    assert "ssl-default-bind-options ssl-min-ver TLSv1.2" in found
    (ciphers,) = (line for line in found if line.startswith("ssl-default-bind-ciphers "))
    assert ciphers.split()[1].split(":")[::3] == ["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256"]
    assert "ECDHE-RSA-CHACHA20-POLY1305" in ciphers.split(":")


def test_what_is_refused_or_fails_is_logged_without_what_the_client_sent() -> None:
    found = lines(MLFLOW)
    assert "http-response set-log-level silent if { status lt 400 }" in found
    (log,) = (line for line in found if line.startswith("log-format "))
    names = re.findall(r'"(\w+)":', log)
    assert names == [
        *("time", "client", "host", "method", "path", "status"),
        *("service", "server", "milliseconds", "bytes", "ended"),
    ]


def test_no_path_is_so_long_that_a_line_of_the_log_is_cut_off_before_the_status() -> None:
    found = lines(MLFLOW)
    assert "log stdout len 4096 format raw local0" in found
    (log,) = (line for line in found if line.startswith("log-format "))
    kept = {name: int(count) for name, count in re.findall(r"var\(txn\.(\w+)\),bytes\(0,(\d+)\),json", log)}
    # Escaped: a control character takes six of a host, which may have one, and a slash two of a path.
    assert 6 * kept["host"] + 2 * kept["path"] < 4096 - len(log)


def headers_of_every_answer(entry: Entry) -> dict[str, str]:
    found = (line.split(" ", 3) for line in lines(MLFLOW, entry=entry) if "after-response set-header" in line)
    return {words[2]: words[3].strip('"') for words in found}


def test_every_answer_has_the_headers_that_browsers_hold_to_and_names_no_server() -> None:
    assert "http-after-response del-header Server" in lines(MLFLOW)
    assert headers_of_every_answer(ENTRY) == {
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "SAMEORIGIN",
        "Referrer-Policy": "same-origin",
    }


def test_browsers_keep_to_tls_for_a_domain_and_never_for_localhost() -> None:
    own = headers_of_every_answer(ENTRY)
    public = headers_of_every_answer(replace(ENTRY, domain="ml.example.com"))
    assert public == {**own, "Strict-Transport-Security": "max-age=31536000; includeSubDomains"}


def test_no_client_gets_a_tunnel_that_passes_the_rules_by() -> None:
    found = lines(MLFLOW)
    assert "http-request deny status 405 if METH_CONNECT" in found
    assert "http-request del-header Upgrade if { req.hdr(upgrade) -i -m sub h2c }" in found


def test_no_client_says_by_whom_it_was_forwarded() -> None:
    found = lines(MLFLOW)
    cleared = found.index("http-request del-header ^(x[-_])?forwarded -m reg")
    given = [number for number, line in enumerate(found) if "set-header X-Forwarded-" in line]
    assert len(given) == 4
    assert all(number > cleared for number in given)


def test_connections_fit_into_the_memory_limit_and_threads_are_the_cores_of_the_cpu_limit() -> None:
    small = section(lines(MLFLOW, limits=ResourceAmounts(cpu="500m", memory="128Mi")), "global")
    large = section(lines(MLFLOW, limits=ResourceAmounts(cpu="1500m", memory="4Gi")), "global")
    assert {"nbthread 1", "maxconn 356", "tune.bufsize 16384"} < set(small)
    assert {"nbthread 2", "maxconn 6194"} < set(large)
    (refused,) = (line for line in lines(MLFLOW) if "be_conn" in line)
    assert refused.startswith("http-request return status 503 hdr Retry-After 1 ")
    assert refused.endswith("if { be_conn gt 408 }")


def test_who_connects_and_says_nothing_keeps_no_connection_for_as_long_as_an_answer_may_take() -> None:
    """A connection whose handshake does not come has no other bound."""
    common = section(lines(MLFLOW), "defaults common")
    assert {"timeout client 300s", "timeout server 3600s", "timeout http-request 60s"} < set(common)


def test_answers_are_counted_by_server_and_by_how_long_they_took() -> None:
    page = seconds_page([MLFLOW, IRIS]).splitlines()
    assert len(page) == 3 * 12
    first, last = page[0], page[-1]
    assert first == (
        'gateway_request_duration_seconds_bucket{server="mlflow",le="0.005"} %[str(mlflow),table_gpc(0,seconds)]'
    )
    assert last == (
        'gateway_request_duration_seconds_bucket{server="iris-canary",le="+Inf"} '
        "%[str(iris-canary),table_gpc(11,seconds)]"
    )
    counted = section(lines(MLFLOW), "defaults measured")
    assert "http-response sc-inc-gpc(0,0) if { var(txn.took) -m int le 5000 }" in counted
    assert counted[-1] == "http-response sc-inc-gpc(11,0)"


def test_with_a_domain_of_its_own_each_service_has_a_host_below_it() -> None:
    found = lines(MLFLOW, entry=CLOUD_ENTRY)
    assert "acl itself var(txn.host) -m str ml.example" in found
    assert [line for line in found if "groundwork.ml.example mlflow.ml.example" in line]
    assert not [line for line in found if "localhost" in line]


def test_the_proxy_reads_its_configuration_and_the_landing_page_json() -> None:
    found = files([MLFLOW], [MODEL], environment="local", tracking=TRACKING, entry=ENTRY, limits=LIMITS)
    assert found.keys() == {"haproxy.cfg", "seconds.txt", "portal.json"}
    assert found["haproxy.cfg"] == configuration([MLFLOW], ENTRY, LIMITS)
    assert json.loads(found["portal.json"])["environment"] == "local"
