from tests.workloads.tables import check_data
from workloads.screening.train import SCREENING


def test_the_data_set_is_the_declared_one() -> None:
    check_data("screening", SCREENING)
