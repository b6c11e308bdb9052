"""What scripts/bundle takes, and what it refuses before it uses anything of it."""

import io
import json
import os
import platform
import subprocess
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from modules.core.paths import REPOSITORY
from scripts.cli.clients.cache.cache import digest_of
from scripts.cli.lifecycle.bundle.create import SIGNATURE, SUMS, pack, sums
from workloads.signing import public_pem

ABOUT = {"version": "0.1.0", "commit": "", "lock": digest_of(REPOSITORY / "uv.lock"), "machine": platform.machine()}
KEY = Ed25519PrivateKey.generate()


@pytest.fixture
def content(tmp_path: Path) -> Path:
    folder = tmp_path / "content"
    (folder / "wheels").mkdir(parents=True)
    (folder / "wheels" / "requirements.txt").write_text("a==1\n")
    return folder


def bundle(content: Path, about: Mapping[str, str] = ABOUT) -> Path:
    """Signs and packs a folder, as `groundwork bundle create` does."""
    (content / "bundle.json").write_text(json.dumps(about, indent=1))
    files = sorted(path for path in content.rglob("*") if path.is_file())
    (content / SUMS).write_text(sums(files, content))
    (content / SIGNATURE).write_bytes(KEY.sign((content / SUMS).read_bytes()))
    target = content.parent / "file"
    pack((content / SUMS, content / SIGNATURE, *files), content, target)
    return target


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A machine that trusts the key."""
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / "key.pem").write_text(public_pem(KEY))
    return folder


SOURCED = """
set -euo pipefail
repository=$1 cache=$2/cache config=$2/config
fail() { echo "$*" >&2; exit 1; }
. "$repository/scripts/bundle"
unpack_bundle "$3"
use_bundle
cat "$APT_CONFIG" "$bundle/sources.list"
echo "$GROUNDWORK_CACHE"
"""
"""As bootstrap does it; prints what is led elsewhere."""


def unpack(home: Path, file: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    trusted = {"GROUNDWORK_TRUSTED_KEYS": str(home / "key.pem")}
    return subprocess.run(
        ["bash", "-c", SOURCED, "bash", str(REPOSITORY), str(home), str(file)],
        env={**os.environ, **trusted, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def refusal(home: Path, file: Path, **variables: str) -> str:
    """Why a bundle is not used; nothing of it is left."""
    done = unpack(home, file, **variables)
    assert done.returncode == 1, done.stdout
    return done.stderr


def test_a_bundle_takes_the_place_of_the_network(home: Path, content: Path) -> None:
    done = unpack(home, bundle(content))
    assert done.returncode == 0, done.stderr
    assert (home / "cache/bundle/wheels/requirements.txt").read_text() == "a==1\n"
    assert f'Dir::Etc::SourceList "{home}/cache/bundle/sources.list"' in done.stdout
    assert f"deb [trusted=yes] file:{home}/cache/bundle/packages ./" in done.stdout
    assert f"{home}/cache/bundle/cache" in done.stdout


def test_one_of_several_trusted_keys_is_enough(home: Path, content: Path) -> None:
    (home / "other.pem").write_text(public_pem(Ed25519PrivateKey.generate()))
    keys = f"{home}/other.pem:{home}/key.pem"
    assert unpack(home, bundle(content), GROUNDWORK_TRUSTED_KEYS=keys).returncode == 0


def test_ones_own_key_is_trusted_where_none_is_named(home: Path, content: Path) -> None:
    (home / "config").mkdir()
    (home / "key.pem").rename(home / "config/signing-key.pub.pem")
    assert unpack(home, bundle(content), GROUNDWORK_TRUSTED_KEYS="").returncode == 0


def test_a_bundle_of_a_stranger_is_refused(home: Path, content: Path) -> None:
    (home / "key.pem").write_text(public_pem(Ed25519PrivateKey.generate()))
    assert "is not signed by a key that is trusted here" in refusal(home, bundle(content))
    assert list((home / "cache").iterdir()) == []


def test_a_bundle_is_refused_where_nobody_is_trusted(home: Path, content: Path) -> None:
    text = refusal(home, bundle(content), GROUNDWORK_TRUSTED_KEYS="")
    assert "config/signing-key.pub.pem can't be read" in text


@pytest.mark.parametrize("name", ["wheels/requirements.txt", "bundle.json"])
def test_a_changed_file_is_refused(name: str, home: Path, content: Path) -> None:
    file = bundle(content)
    (content / name).write_text("changed")
    files = [content / SUMS, content / SIGNATURE, content / "bundle.json", content / "wheels/requirements.txt"]
    pack(files, content, file)
    assert "is damaged" in refusal(home, file)
    assert list((home / "cache").iterdir()) == []


def test_changed_digests_are_refused(home: Path, content: Path) -> None:
    file = bundle(content)
    (content / SUMS).write_text((content / SUMS).read_text() + f"{'0' * 64}  more\n")
    pack([content / SUMS, content / SIGNATURE], content, file)
    assert "is not signed by a key" in refusal(home, file)


def test_what_is_not_signed_is_not_even_unpacked(home: Path, content: Path) -> None:
    file = bundle(content)
    with tarfile.open(file, "a") as archive:
        more = tarfile.TarInfo("wheels/evil.whl")
        more.size = 4
        archive.addfile(more, io.BytesIO(b"evil"))
    assert unpack(home, file).returncode == 0
    assert not (home / "cache/bundle/wheels/evil.whl").exists()


def test_a_link_in_the_place_of_a_file_is_refused(home: Path, content: Path) -> None:
    file = bundle(content)
    with tarfile.open(file, "a") as archive:
        link = tarfile.TarInfo("wheels/requirements.txt")
        link.type, link.linkname = tarfile.SYMTYPE, str(content / "wheels/requirements.txt")
        archive.addfile(link)
    assert "is damaged" in refusal(home, file)


@pytest.mark.parametrize("length", [0, 100, 2000])
def test_half_a_file_is_refused(length: int, home: Path, content: Path) -> None:
    file = bundle(content)
    file.write_bytes(file.read_bytes()[:length])
    assert "--bundle: " in refusal(home, file)
    assert list((home / "cache").iterdir()) == []


def test_a_file_that_is_not_there_is_named(home: Path, tmp_path: Path) -> None:
    assert f"--bundle: {tmp_path}/none can't be read" in refusal(home, tmp_path / "none")


@pytest.mark.parametrize(
    ("about", "why"),
    [
        ({"machine": "sparc"}, "made for sparc, but this machine is"),
        ({"lock": "sha256:0", "version": "0.0.9", "commit": "abc"}, "made from version 0.0.9, commit abc"),
    ],
)
def test_a_bundle_for_something_else_is_refused(about: Mapping[str, str], why: str, home: Path, content: Path) -> None:
    assert why in refusal(home, bundle(content, {**ABOUT, **about}))


def test_up_wants_a_file_after_the_option() -> None:
    done = subprocess.run([str(REPOSITORY / "scripts/up"), "--bundle"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "expected a file after it" in done.stderr
