import pytest

from modules.core import naming
from modules.core.errors import UserError


def test_names_are_made_of_environment_and_thing() -> None:
    assert naming.namespace("local", "mlflow") == "local-mlflow"
    assert naming.bucket("local", "artifacts") == "local-artifacts"
    assert naming.service_host("mlflow", "local-mlflow") == "mlflow.local-mlflow.svc.cluster.local"


def test_equal_documents_have_equal_hashes_however_they_are_written() -> None:
    assert naming.content_hash({"a": 1, "b": [2]}) == naming.content_hash({"b": [2], "a": 1})
    assert naming.content_hash({"a": 1}) != naming.content_hash({"a": 2})


def test_a_hash_is_the_same_in_every_run() -> None:
    assert naming.hashed("job", {"a": 1}) == "job-015abd7f5c"


@pytest.mark.parametrize("text", ["", "-a", "a-", "A", "a_b", "a.b", "é"])
def test_what_is_no_dns_label_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="lower-case letters, digits and dashes"):
        naming.label(text, what="bucket")


def test_a_name_that_is_too_long_is_refused_with_its_length() -> None:
    with pytest.raises(UserError, match="67 characters, at most 63"):
        naming.namespace("local", "x" * 61)


def test_a_job_of_a_cron_job_still_fits() -> None:
    assert len(naming.hashed("x" * 41, "", limit=naming.JOB_LIMIT)) == naming.JOB_LIMIT
    with pytest.raises(UserError, match="at most 52"):
        naming.hashed("x" * 42, "", limit=naming.JOB_LIMIT)
