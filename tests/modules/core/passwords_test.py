import pytest

from modules.core.passwords import LENGTH, login_digest


def test_the_check_of_a_login_costs_a_proxy_next_to_nothing() -> None:
    """As `printf 'groundwork:PASSWORD' | sha256sum` prints it, in capitals."""
    digest = "5B22790886D4FA6A8DD2B6EFC1AE06632DBD6816C11523BF1D3905A97011926C"
    assert login_digest("groundwork", "p" * LENGTH) == f"{digest}\n"


def test_a_password_that_could_be_guessed_from_its_quick_hash_is_refused() -> None:
    with pytest.raises(ValueError, match="has 8 characters: allowed are generated ones, of 40"):
        login_digest("groundwork", "password")
