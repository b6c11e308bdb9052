"""What a machine must have for builds, and how it is said where it lacks it."""

import subprocess
from collections.abc import Mapping

import pytest

from modules.core.errors import UserError
from modules.core.images import own_architecture
from modules.registry import namespaces
from modules.registry.namespaces import IDS, granted_ids, missing_programs, namespace_obstacles, require_builds
from tests.scripts.cli.fakes import always

ENOUGH = {"/etc/subuid": "ml:100000:65536\n", "/etc/subgid": "ml:100000:65536\n"}


def obstacles(files: Mapping[str, str]) -> list[str]:
    return namespace_obstacles("ml", 1000, lambda path: files.get(path, ""))


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("ml:100000:65536\n", 65536),
        ("other:100000:65536\n1000:165536:65536\n", 65536),
        ("ml:100000:30000\nml:200000:35536", 65536),
        ("# ml:100000:65536\nmlx:100000:65536\n", 0),
        ("", 0),
    ],
)
def test_ids_are_counted_by_name_and_number_of_the_user(text: str, count: int) -> None:
    assert granted_ids(text, "ml", 1000) == count


def test_programs_that_are_missing_are_named_with_their_packages() -> None:
    assert missing_programs(always("/usr/bin/x"), root=False) == []
    assert missing_programs(always(None), root=True) == [
        "buildah is missing (package buildah)",
        "debootstrap is missing (package debootstrap)",
    ]
    assert "newuidmap is missing (package uidmap)" in missing_programs(always(None), root=False)


def test_each_reason_why_a_user_gets_no_namespace_is_named_with_what_to_do() -> None:
    assert obstacles(ENOUGH) == []
    (ids,) = obstacles({**ENOUGH, "/etc/subgid": "ml:100000:1000\n"})
    assert ids.startswith(
        f"/etc/subgid grants ml fewer than {IDS} ids (as root: `usermod --add-subgids 100000-165535 ml`"
    )
    (off,) = obstacles({**ENOUGH, "/proc/sys/user/max_user_namespaces": "0\n"})
    assert off == "user namespaces are switched off for users (sysctl user.max_user_namespaces is 0)"
    assert obstacles({**ENOUGH, "/proc/sys/kernel/apparmor_restrict_unprivileged_userns": "0\n"}) == []


@pytest.mark.parametrize(
    ("code", "output", "error", "expected"),
    [
        (0, "0 1000 1\n1 100000 65536\n:\n0 1000 1\n1 100000 65536\n", "", None),
        (0, "0 1000 1\n:\n0 1000 1\n", "", "gives no user namespace with 65536 ids"),
        (1, "", "mount: /mnt: permission denied.\n", "(mount: /mnt: permission denied.)"),
    ],
)
def test_a_user_who_can_t_build_is_told_the_other_way(
    monkeypatch: pytest.MonkeyPatch, code: int, output: str, error: str, expected: str | None
) -> None:
    monkeypatch.setattr(namespaces, "is_root", always(False))
    monkeypatch.setattr(namespaces, "missing_programs", always(list[str]()))
    monkeypatch.setattr(namespaces, "namespace_obstacles", always(list[str]()))
    monkeypatch.setattr(subprocess, "run", always(subprocess.CompletedProcess([], code, output, error)))
    if expected is None:
        require_builds("registry.test/ml", own_architecture())
        return
    with pytest.raises(UserError) as refused:
        require_builds("registry.test/ml", own_architecture())
    assert expected in str(refused.value)
    assert "`groundwork images copy --to registry.test/ml`" in str(refused.value)


def test_images_for_other_processors_than_this_machine_s_are_not_built_here() -> None:
    with pytest.raises(
        UserError, match=r"the nodes are s390x\. Or bring them .*`groundwork images copy --to r\.test/ml`"
    ):
        require_builds("r.test/ml", "s390x")
