from pathlib import Path

import pytest

from scripts.benchmarks.serving.client import Load, Measurement, command, figures, percentile
from scripts.benchmarks.serving.question import Question, infer, infer_grpc

ROWS = [[5.1, 3.5, 1.4, 0.2]]
SAID = """finished in 2.00s, 2.00 req/s, 90B/s
requests: 6 total, 6 started, 6 done, 4 succeeded, 2 failed, 1 errored, 0 timeout
status codes: 4 2xx, 0 3xx, 0 4xx, 1 5xx
"""
LOG = (
    "1795992507405110\t200\t3000\n1795992507405210\t200\t1000\n1795992507405310\t503\t90\n1795992507405410\t200\t2000\n"
)


def arguments(question: Question, load: Load) -> list[str]:
    return command(question, load, Path("body"), Path("log"), (1, 2))


def test_only_answers_count_and_what_failed_is_said() -> None:
    found = figures(LOG + "1795992507405510\t200\t4000\n", SAID, seconds=2, cpu=0.01)
    assert found == Measurement(rate=2, p50=2.0, p99=4.0, cpu=2.5, failed=2)


def test_a_server_that_only_refuses_has_no_figures() -> None:
    assert figures("1795992507405310\t503\t90\n", SAID, seconds=2, cpu=0.01) is None
    assert figures("", SAID, seconds=2, cpu=0.01) is None


@pytest.mark.parametrize(("percent", "expected"), [(50, 50), (99, 99), (100, 100), (0.5, 1)])
def test_a_percentile_is_a_time_that_was_measured(percent: float, expected: float) -> None:
    assert percentile([float(number) for number in range(1, 101)], percent) == expected


def test_of_few_answers_the_slowest_is_the_99th_percentile() -> None:
    assert percentile([1.0, 7.0], 99) == 7.0


def test_http_is_asked_by_version_1_and_grpc_by_version_2() -> None:
    load = Load(clients=8, seconds=2.5, warm_up=1)
    http = arguments(infer("http://127.0.0.1:1", "iris", ROWS), load)
    assert http[:3] == ["taskset", "-c", "1,2"]
    assert {"--h1", "-c8", "-m1", "-D2500ms", "-dbody", "--log-file=log"} < set(http)
    assert http[-1] == "http://127.0.0.1:1/v2/models/iris/infer"
    assert not any(part.startswith("--rps") for part in http)
    grpc = arguments(infer_grpc("http://127.0.0.1:2", "iris", ROWS), load)
    assert "--h1" not in grpc
    assert "-Hcontent-type: application/grpc" in grpc


def test_a_steady_pace_is_shared_by_the_clients() -> None:
    given = arguments(infer("http://127.0.0.1:1", "iris", ROWS), Load(clients=8, seconds=1, warm_up=1, rate=1000))
    assert "--rps=125" in given
