"""What lets pods into the object store and the database."""

from dataclasses import replace

from modules.core.access import database_variables, store_access
from tests.neighbours import CLOUD_STORE, database, store


def test_who_has_no_keys_has_nothing_to_mount() -> None:
    access = store_access(CLOUD_STORE, "iris")
    assert (dict(access.variables), access.files) == ({}, ())


def test_a_private_ca_is_verified_against_beside_the_keys() -> None:
    assert "AWS_CA_BUNDLE" not in store_access(store("iris"), "iris").variables
    variables = store_access(replace(store("iris"), ca="ca.crt"), "iris").variables
    assert variables["AWS_CA_BUNDLE"] == "/var/run/groundwork/s3/ca.crt"


def test_a_database_with_tls_is_verified_and_one_without_is_trusted() -> None:
    own = database("mlflow")
    assert database_variables(own) == {}
    assert database_variables(replace(own, tls=True))["PGSSLROOTCERT"] == "/etc/ssl/certs/ca-certificates.crt"
    private = database_variables(replace(own, tls=True, ca="ca.crt"))
    assert private == {"PGSSLMODE": "verify-full", "PGSSLROOTCERT": "/var/run/groundwork/database/ca.crt"}
