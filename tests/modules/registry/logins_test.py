"""Logins as docker, podman, buildah and their credential helpers keep them."""

import json
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from modules.core.errors import UserError
from modules.registry.logins import (
    DOCKER_HUB_KEY,
    TOKEN_USER,
    Login,
    find_login,
    login_document,
    login_files,
    pull_secret_document,
)

SECRET = "very-secret"


def entry(username: str, password: str = SECRET) -> dict[str, str]:
    return {"auth": b64encode(f"{username}:{password}".encode()).decode()}


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """The variables of a person without any login; `bin` is on PATH."""
    folders = {"HOME": "home", "XDG_RUNTIME_DIR": "run", "PATH": "bin"}
    for folder in folders.values():
        (tmp_path / folder).mkdir()
    return {name: str(tmp_path / folder) for name, folder in folders.items()}


def write(home: dict[str, str], document: Any, file: str = ".docker/config.json") -> Path:
    path = Path(home["XDG_RUNTIME_DIR" if file.startswith("containers") else "HOME"], file)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return path


def helper(home: dict[str, str], name: str, script: str) -> None:
    path = Path(home["PATH"], f"docker-credential-{name}")
    path.write_text(f'#!/bin/sh\nread -r server\n[ "$1" = get ] || exit 3\n{script}\n')
    path.chmod(0o755)


def username(home: dict[str, str], address: str) -> str | None:
    login = find_login(address, home)
    assert login is None or login.password == SECRET
    return login.username if login else None


def said(home: dict[str, str], address: str = "registry.test") -> str:
    with pytest.raises(UserError) as refused:
        find_login(address, home)
    assert SECRET not in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize(
    ("key", "address", "found"),
    [
        ("registry.test", "registry.test/ml", True),
        ("registry.test:5000", "registry.test:5000/ml", True),
        ("registry.test:5000", "registry.test/ml", False),
        ("registry.test", "other.test/ml", False),
        ("https://registry.test", "registry.test/ml", True),
        ("https://registry.test/v1/", "registry.test/ml", True),
        ("registry.test/ml", "registry.test/ml", True),
        ("registry.test/ml", "registry.test/ml/team", True),
        ("registry.test/ml", "registry.test/mla", False),
        ("registry.test/ml/team", "registry.test/ml", False),
        (DOCKER_HUB_KEY, "docker.io/team", True),
        ("docker.io", "docker.io/team", True),
        ("docker.io/team", "docker.io/team", True),
        ("index.docker.io", "registry-1.docker.io/team", True),
        (DOCKER_HUB_KEY, "registry.test/ml", False),
    ],
)
def test_a_login_is_found_by_what_it_is_kept_under(home: dict[str, str], key: str, address: str, found: bool) -> None:
    write(home, {"auths": {key: entry("ml")}})
    assert username(home, address) == ("ml" if found else None)


def test_the_longest_path_goes_first(home: dict[str, str]) -> None:
    write(home, {"auths": {"registry.test": entry("all"), "registry.test/ml": entry("ml")}})
    assert username(home, "registry.test/ml/team") == "ml"
    assert username(home, "registry.test/other") == "all"


def test_files_are_asked_in_the_order_of_these_tools(home: dict[str, str], tmp_path: Path) -> None:
    assert find_login("registry.test", home) is None
    for who, file in (
        ("docker", ".docker/config.json"),
        ("kept", ".config/containers/auth.json"),
        ("session", "containers/auth.json"),
    ):
        path = write(home, {"auths": {"registry.test": entry(who)}}, file)
        assert find_login("registry.test", home) == Login(username=who, password=SECRET, source=str(path))
    named = tmp_path / "named.json"
    named.write_text(json.dumps({"auths": {"other.test": entry("other")}}))
    assert username({**home, "REGISTRY_AUTH_FILE": str(named)}, "registry.test") is None
    assert username({**home, "REGISTRY_AUTH_FILE": str(named)}, "other.test") == "other"


def test_variables_move_the_files(tmp_path: Path) -> None:
    moved = {
        "HOME": "/home/ml",
        "XDG_CONFIG_HOME": "/etc/ml",
        "DOCKER_CONFIG": str(tmp_path),
        "XDG_RUNTIME_DIR": "/run/1",
    }
    assert login_files(moved) == [
        Path("/run/1/containers/auth.json"),
        Path("/etc/ml/containers/auth.json"),
        tmp_path / "config.json",
    ]


def test_a_credential_helper_is_asked_for_its_registry(home: dict[str, str]) -> None:
    answer = (
        f'echo "{{\\"ServerURL\\": \\"$server\\", \\"Username\\": \\"of $server\\", \\"Secret\\": \\"{SECRET}\\"}}"'
    )
    helper(home, "cloud", answer)
    helper(home, "store", answer)
    path = write(home, {"credHelpers": {"registry.test": "cloud"}, "credsStore": "store", "auths": {"old.test": {}}})
    found = find_login("registry.test/ml", home)
    assert found
    assert found.source == f"{path} (docker-credential-cloud)"
    assert username(home, "registry.test/ml") == "of registry.test"
    assert username(home, "old.test/ml") == "of old.test"
    assert username(home, "docker.io/team") == f"of {DOCKER_HUB_KEY}"


def test_a_helper_that_knows_no_login_is_no_error(home: dict[str, str]) -> None:
    helper(home, "store", "echo credentials not found in native keychain; exit 1")
    write(home, {"credsStore": "store", "auths": {"plain.test": entry("plain"), "registry.test": {}}})
    assert username(home, "registry.test") is None
    assert username(home, "plain.test") == "plain"


def test_an_identity_token_is_told_from_a_password(home: dict[str, str]) -> None:
    helper(home, "store", f'echo \'{{"Username": "{TOKEN_USER}", "Secret": "{SECRET}"}}\'')
    write(
        home,
        {"auths": {"a.test": {**entry("ignored", ""), "identitytoken": SECRET}}, "credHelpers": {"b.test": "store"}},
    )
    for address in ("a.test/ml", "b.test/ml"):
        login = find_login(address, home)
        assert login
        assert (login.has_identity_token, login.password) == (True, SECRET)
        with pytest.raises(UserError, match="nodes log in by user and password only"):
            pull_secret_document(address, login)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("{", "document: Invalid JSON"),
        ("[]", "document: "),
        ({"auths": {"registry.test": f"{SECRET}"}}, "auths.registry.test: "),
        ({"auths": {"registry.test": {"auth": f"{SECRET}!"}}}, "auths.registry.test.auth: expected the base64 text"),
        ({"auths": {"registry.test": {"auth": b64encode(SECRET.encode()).decode()}}}, "`docker login registry.test`"),
        ({"credHelpers": {"registry.test": "gone"}}, "docker-credential-gone, which has the login for registry.test"),
        ({"credsStore": "broken"}, "docker-credential-broken failed for registry.test (exit code 4): no session bus"),
        ({"credsStore": "odd"}, "docker-credential-odd returned something else than a login"),
    ],
)
def test_a_file_or_helper_that_is_broken_is_named_without_what_is_in_it(
    home: dict[str, str], document: Any, message: str
) -> None:
    helper(home, "broken", "echo no session bus; exit 4")
    helper(home, "odd", f"echo {SECRET}")
    path = write(home, document)
    assert said(home).startswith(f"{path}: ")
    assert message in said(home)


def test_a_file_that_a_variable_names_must_be_there(home: dict[str, str]) -> None:
    assert "REGISTRY_AUTH_FILE names /nowhere/auth.json" in said({**home, "REGISTRY_AUTH_FILE": "/nowhere/auth.json"})


@pytest.mark.parametrize(
    ("address", "key"), [("registry.test:5000/ml", "registry.test:5000"), ("docker.io/a", DOCKER_HUB_KEY)]
)
def test_a_pull_secret_holds_this_login_alone(address: str, key: str) -> None:
    login = Login(username="ml", password="se:cret", source="a file")
    assert json.loads(pull_secret_document(address, login)) == {"auths": {key: entry("ml", "se:cret")}}
    assert SECRET not in repr(Login(username="ml", password=SECRET, source="a file"))


def test_what_is_written_for_buildah_is_read_back_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "auth.json"
    for name, password in (("ml", "se:cret"), (TOKEN_USER, SECRET)):
        login = Login(username=name, password=password, source=str(path))
        path.write_text(login_document("docker.io/team", login))
        assert find_login("docker.io/team", {"REGISTRY_AUTH_FILE": str(path)}) == login
    path.write_text(login_document("docker.io/team", None))
    assert find_login("docker.io/team", {"REGISTRY_AUTH_FILE": str(path)}) is None
