import hashlib
import json

from modules.mlflow.documents import Account, accounts_document, accounts_of, credentials_file


def test_who_writes_models_may_write_those_and_who_writes_none_only_reads() -> None:
    found = accounts_of({"iris-training": ["iris"], "gateway": []})
    assert found["iris-training"] == Account(name="pods-iris-training", role="training", names=("iris",))
    assert found["gateway"] == Account(name="pods-gateway", role="reader")


def test_the_server_knows_no_password() -> None:
    text = accounts_document({Account(name="pods-gateway", role="reader"): "secret"})
    digest = hashlib.sha256(b"secret").hexdigest()
    assert json.loads(text) == {"pods-gateway": {"sha256": digest, "role": "reader", "names": []}}


def test_clients_read_their_login_from_a_file() -> None:
    text = credentials_file("pods-iris-training", "secret")
    assert text == "[mlflow]\nmlflow_tracking_username = pods-iris-training\nmlflow_tracking_password = secret\n"
