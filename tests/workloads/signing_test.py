from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from workloads.signing import (
    NotTrustedError,
    Statement,
    Trust,
    is_signed,
    private_key,
    public_key,
    public_pem,
    sign,
    statement_of,
)

KEY = Ed25519PrivateKey.generate()
ROOT = "s3://artifacts/models"
SAID = Statement(
    model="iris",
    uri=f"{ROOT}/1/model",
    digest="sha256:files",
    run="run",
    data_digest="sha256:data",
    image_digest="sha256:image",
    config_digest="sha256:config",
)
TRUST = Trust(public_key=public_pem(KEY), root=ROOT)


def refused(statement: Statement, signature: str) -> str:
    with pytest.raises(NotTrustedError) as error:
        TRUST.require(statement, signature)
    assert not TRUST.holds(statement, signature)
    return str(error.value)


def test_what_training_signed_is_trusted() -> None:
    TRUST.require(SAID, sign(KEY, SAID))
    assert TRUST.holds(SAID, sign(KEY, SAID))


def test_what_nobody_signed_is_refused() -> None:
    assert "it is not signed" in refused(SAID, "")


@pytest.mark.parametrize("signature", ["x", "AAAA", "é", "=", sign(Ed25519PrivateKey.generate(), SAID)])
def test_another_signature_than_the_trainings_is_refused(signature: str) -> None:
    assert "its signature is not the training's" in refused(SAID, signature)


@pytest.mark.parametrize("field", ["model", "uri", "digest", "run", "data_digest", "image_digest", "config_digest"])
def test_every_part_of_the_statement_is_signed(field: str) -> None:
    changed: Any = {field: f"{ROOT}/other"}
    assert "its signature is not the training's" in refused(replace(SAID, **changed), sign(KEY, SAID))


def test_no_two_statements_are_signed_as_the_same_bytes() -> None:
    assert replace(SAID, model="a", uri='b","x').message != replace(SAID, model='a","uri":"b', uri="x").message


@pytest.mark.parametrize(
    "uri",
    ["", "s3://artifacts/mlflow/1", "s3://artifacts/models", f"{ROOT}/", f"{ROOT}-of-others/1", f"{ROOT}/../mlflow/1"],
)
def test_files_outside_of_the_root_are_refused_whoever_signed(uri: str) -> None:
    elsewhere = replace(SAID, uri=uri)
    assert refused(elsewhere, sign(KEY, elsewhere)) == f"its files are at {uri}, allowed is what lies below {ROOT}"


def test_a_statement_comes_from_tags_and_what_is_missing_is_empty() -> None:
    tags = {"groundwork.uri": "u", "groundwork.digest": "d", "groundwork.data_digest": "a", "groundwork.config": "{}"}
    found = statement_of("iris", "run", tags)
    assert (found.model, found.run, found.uri, found.digest, found.data_digest) == ("iris", "run", "u", "d", "a")
    assert found.image_digest == ""
    assert found.config_digest != statement_of("iris", "run", {}).config_digest


def test_one_of_several_keys_is_enough() -> None:
    other = Ed25519PrivateKey.generate()
    keys = [other.public_key(), KEY.public_key()]
    assert is_signed(b"message", KEY.sign(b"message"), keys)
    assert not is_signed(b"another", KEY.sign(b"message"), keys)
    assert not is_signed(b"message", KEY.sign(b"message"), [])


def test_a_public_key_is_read_as_it_is_written() -> None:
    assert public_key(public_pem(KEY).encode()) == KEY.public_key()
    with pytest.raises(ValueError, match="no private key in PEM"):
        private_key(public_pem(KEY).encode())
