import stat
from pathlib import Path

import pytest

from modules.registry import host
from modules.registry.host import Suite, apt_options, suites, write_secrets

PUBLIC = [
    Suite(url="http://deb.debian.org/debian", name="bookworm"),
    Suite(url="http://deb.debian.org/debian", name="bookworm-updates"),
    Suite(url="http://deb.debian.org/debian-security", name="bookworm-security"),
]
MIRROR = "http://mirror.example/debian"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", PUBLIC),
        ("deb http://archive.ubuntu.com/ubuntu jammy main universe", PUBLIC),
        ("deb https://download.docker.com/linux/debian bookworm stable", PUBLIC),
        ("# deb http://mirror.example/debian bookworm main", PUBLIC),
        (f"deb {MIRROR} bookworm main contrib", [Suite(url=MIRROR, name="bookworm")]),
        (f"deb [signed-by=/k.gpg arch=amd64] {MIRROR} bookworm main", [Suite(url=MIRROR, name="bookworm")]),
        (f"deb cdrom:[Debian] bookworm main\ndeb {MIRROR} bookworm main", [Suite(url=MIRROR, name="bookworm")]),
        (
            f"Types: deb deb-src\nURIs: {MIRROR}\nSuites: bookworm bookworm-updates\nComponents: main\n\n"
            "Types: deb\nURIs: https://s.example/debian-security\nSuites: bookworm-security\nComponents: main\n\n"
            "Types: deb\nURIs: https://other.example/\nSuites: nodistro\nComponents: main\n",
            [
                Suite(url=MIRROR, name="bookworm"),
                Suite(url=MIRROR, name="bookworm-updates"),
                Suite(url="https://s.example/debian-security", name="bookworm-security"),
            ],
        ),
    ],
)
def test_the_machines_own_debian_mirror_is_used_and_no_other_archive(text: str, expected: list[Suite]) -> None:
    assert suites([text]) == expected


def test_only_how_an_archive_is_reached_is_taken_from_apt(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    apt_config = tmp_path / "apt-config"
    apt_config.write_text(
        "#!/bin/sh\n"
        "echo 'APT::Update::Post-Invoke:: \"rm -rf /\";'\n"
        "echo 'Acquire::http::Proxy \"http://proxy.example:3128\";'\n"
        "echo 'Acquire::Check-Date \"false\";'\n"
        "echo 'Acquire::IndexTargets::deb::X \"x\";'\n"
    )
    apt_config.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    monkeypatch.delenv("http_proxy", raising=False)
    assert apt_options() == ['Acquire::http::Proxy "http://proxy.example:3128";', 'Acquire::Check-Date "false";']
    assert host.archive_proxy()["http_proxy"] == "http://proxy.example:3128"
    monkeypatch.setenv("http_proxy", "http://mine.example")
    assert host.archive_proxy()["http_proxy"] == "http://mine.example"


def test_the_index_and_authorities_reach_a_build_in_private_files(tmp_path: Path) -> None:
    authorities = tmp_path / "authorities.pem"
    authorities.write_text("PEM")
    environment = {"SSL_CERT_FILE": str(authorities), "UV_DEFAULT_INDEX": "https://u:p'@index.example", "HOME": "/h"}
    secrets = write_secrets(tmp_path, environment)
    assert secrets["ca.pem"] == authorities
    assert secrets["uv.env"].read_text() == "export UV_DEFAULT_INDEX='https://u:p'\"'\"'@index.example'\n"
    assert stat.S_IMODE(secrets["uv.env"].stat().st_mode) == 0o600
    assert 'Acquire::https::CaInfo "/run/secrets/ca.pem";' in secrets["apt.conf"].read_text()
