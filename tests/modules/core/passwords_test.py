import pytest

from modules.core.passwords import LENGTH, users_line


def test_the_check_of_a_login_costs_a_proxy_next_to_nothing() -> None:
    assert users_line("groundwork", "p" * LENGTH) == "groundwork:{SHA}X+RcvnMM+9E6DNJSCsEca1ukyCQ=\n"


def test_a_password_that_could_be_guessed_from_its_quick_hash_is_refused() -> None:
    with pytest.raises(ValueError, match="has 8 characters: allowed are generated ones, of 40"):
        users_line("groundwork", "password")
