from scripts.benchmarks.serving.client import Measurement
from scripts.benchmarks.serving.report import (
    DIRECT,
    GATEWAY,
    Deployed,
    Subject,
    deployed_document,
    deployed_table,
    document,
    median,
    tables,
)


def figures(rate: float, failed: int = 0) -> Measurement:
    return Measurement(rate=rate, p50=1.5, p99=4.0, cpu=0.25, failed=failed)


def subject(title: str, rate: float, failed: int = 0) -> Subject:
    made = Subject(title, {"server": "1.0"}, start=0.5, memory=60)
    made.cases = {(1, 1): [figures(rate / 2)], (1, 8): [figures(rate, failed)], (100, 8): [figures(rate / 10)]}
    made.paced = [figures(rate / 2)]
    return made


SUBJECTS = {"ours HTTP": subject("Groundwork, HTTP", 6000), "other HTTP": subject("Other, HTTP", 100, failed=3)}


def test_a_figure_is_the_median_of_the_rounds_and_no_failure_is_lost() -> None:
    found = median([figures(10, 1), figures(30, 0), figures(20, 2)])
    assert (found.rate, found.failed) == (20, 3)


def test_the_greatest_load_is_that_of_the_best_number_of_clients() -> None:
    assert SUBJECTS["ours HTTP"].greatest(1) == 6000
    assert SUBJECTS["ours HTTP"].greatest(100) == 600


def test_every_server_stands_beside_the_first() -> None:
    cases = document(SUBJECTS)["other HTTP"]["cases"]
    assert [case["rates"] for case in cases] == [[50], [100], [10]]
    assert [(case["rows"], case["clients"], case["times"]) for case in cases] == [(1, 1, 60), (1, 8, 60), (100, 8, 60)]


def test_a_table_shows_speeds_and_ratios_and_says_what_failed() -> None:
    one_row, hundred_rows, rest = tables(SUBJECTS).split("\n\n")
    speeds = ["50", "1.50", "4.00", "100", "1.50", "4.00"]
    assert one_row.splitlines()[-1].split() == [
        "Other,",
        "HTTP",
        *speeds,
        "0.250",
        "1.00",
        "60.00",
        "60.00",
        "3",
        "requests",
        "failed",
    ]
    assert hundred_rows.splitlines()[1].split() == [
        "Groundwork,",
        "HTTP",
        "600",
        "1.50",
        "4.00",
        "0.250",
        "1.00",
        "1.00",
    ]
    assert rest.splitlines()[1].split() == ["Groundwork,", "HTTP", "0.50", "60", "4.00", "3000", "server", "1.0"]


def test_the_gateway_stands_beside_the_direct_way() -> None:
    deployed = Deployed(2.25, {8: {DIRECT: figures(4000), GATEWAY: figures(2500)}})
    assert deployed_document(deployed)["clients"][0]["of_direct"] == 0.625
    assert deployed_document(deployed)["pod_created_to_first_answer_seconds"] == 2.25
    assert deployed_table(deployed).splitlines()[-1].split() == ["8", "4000", "2500", "62%"]
