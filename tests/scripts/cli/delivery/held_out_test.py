import pytest

from scripts.cli.delivery.held_out import read_rows
from tests.scripts.cli.fakes import refused
from workloads import catalog
from workloads.settings import Column

IRIS = catalog.load("iris")
HEADER = "sepal_length,sepal_width,petal_length,petal_width,species"


def test_the_rows_are_what_follows_the_last_header_of_the_log() -> None:
    log = f"{HEADER}\n1,1,1,1,virginica\nstored the data set\n{HEADER}\n5,3.5,1,0.2,setosa\n6,3,5,2,virginica"
    assert read_rows(log, IRIS) == [
        dict(zip(HEADER.split(","), ["5", "3.5", "1", "0.2", "setosa"], strict=True)),
        dict(zip(HEADER.split(","), ["6", "3", "5", "2", "virginica"], strict=True)),
    ]


def test_a_column_that_is_optional_may_be_left_out() -> None:
    columns = {**IRIS.data.columns, "colour": Column(labels=["blue"], optional=True)}
    wider = IRIS.model_copy(update={"data": IRIS.data.model_copy(update={"columns": columns})})
    assert read_rows(f"{HEADER}\n5,3.5,1,0.2,setosa", wider) == read_rows(f"{HEADER}\n5,3.5,1,0.2,setosa", IRIS)
    assert read_rows(f"{HEADER},colour\n5,3.5,1,0.2,setosa,blue", wider)[0]["colour"] == "blue"


@pytest.mark.parametrize(
    ("log", "why"),
    [
        ("nothing", f"no line of the Job's log is the header {HEADER}"),
        (HEADER, "'no rows', allowed is at least one row"),
        (f"{HEADER}\n5,3,1,0.2", "'4 values', allowed is 5 values"),
        (f"{HEADER}\n5,3,1,NaN,setosa", "line 2, column 'petal_width': 'NaN', allowed is a decimal number from"),
        (f"{HEADER}\n5,3,1,0.2,tulip", "column 'species': 'tulip', allowed is one of setosa, versicolor, virginica"),
        (f'{HEADER}\n5,3,1,"0.2,setosa', "allowed is a CSV file"),
        (f"{HEADER}\n5,3,1,0.2,setosa\nTraceback", "line 3"),
    ],
)
def test_rows_that_the_workload_does_not_allow_are_refused_with_their_place(log: str, why: str) -> None:
    assert why in refused(lambda: read_rows(log, IRIS))
