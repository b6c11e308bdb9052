from tests.workloads.tables import check_model
from workloads.screening.train import SCREENING


def test_the_model_is_accurate_and_the_same_for_the_same_seed() -> None:
    check_model("screening", SCREENING, "RandomForestClassifier")
