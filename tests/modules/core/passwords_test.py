from modules.core.passwords import users_line


def test_a_wrong_login_costs_a_proxy_next_to_nothing() -> None:
    assert users_line("groundwork", "password") == "groundwork:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n"
