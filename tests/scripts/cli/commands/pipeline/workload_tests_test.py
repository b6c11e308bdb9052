import pytest

from scripts.cli.commands.pipeline import workload_tests
from tests.scripts.cli.fakes import refused


@pytest.mark.parametrize("subject", ["data", "model"])
def test_iris_has_tests_of_its_data_and_its_models(subject: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[tuple[str, ...]] = []
    monkeypatch.setattr(workload_tests, "run", ran.append)
    workload_tests.run_workload_tests("iris", subject)
    assert ran == [("pytest", "-q", f"tests/workloads/iris/{subject}_test.py")]


def test_missing_tests_are_named_with_those_to_imitate() -> None:
    message = refused(lambda: workload_tests.run_workload_tests("iris", "speed"))
    assert "tests/workloads/iris/speed_test.py is not there: write the tests of its speed" in message


def test_an_unknown_workload_is_refused_with_the_known_ones() -> None:
    assert "known: cancer, digits, iris, neighbours, screening, wine" in refused(
        lambda: workload_tests.run_workload_tests("irsi", "data")
    )


def test_a_failed_command_ends_the_step(capfd: pytest.CaptureFixture[str]) -> None:
    message = refused(lambda: workload_tests.run(("python", "-c", "import sys; print('words'); sys.exit(3)")))
    assert "(exit code 3)" in message
    assert "words" in capfd.readouterr().out
