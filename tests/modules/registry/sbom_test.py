import json
from typing import Any

from modules.core.images import LockedImage
from modules.registry.contents import Contents, Program
from modules.registry.images import sha256
from modules.registry.sbom import debian, document, kinds

from .go_programs_test import BUILD

IMAGE = LockedImage(digest=sha256(b"manifest"), inputs=sha256(b"inputs"), version="1.2")
HASHES = ("a" * 64, "b" * 64)
REQUIREMENTS = (
    f"boto3==1.44.5 \\\n    --hash=sha256:{HASHES[1]} \\\n    --hash=sha256:{HASHES[0]}\n"
    f"mlflow-skinny==3.1 ; python_version < '4' \\\n    --hash=sha256:{'c' * 64}\n"
    f"colorama==0.4 ; sys_platform == 'win32' \\\n    --hash=sha256:{'d' * 64}\n"
)
STATUS = (
    "Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.36-9+deb12u13\n\n"
    "Package: gone\nStatus: deinstall ok config-files\nArchitecture: amd64\nVersion: 1\n"
)
CONTENTS = Contents(
    debian=STATUS,
    python={("boto3", "1.44.5"), ("MLflow_skinny", "3.1"), ("other", "1")},
    programs={
        "opt/venv/bin/tool": Program(sha256="e" * 64, build=BUILD),
        "bin/sh": Program(sha256="f" * 64, build=None),
    },
)


def read(contents: Contents = CONTENTS) -> dict[str, Any]:
    return json.loads(document("one", IMAGE, contents, REQUIREMENTS))


def by_purl(found: dict[str, Any]) -> dict[str, Any]:
    return {each["purl"]: each for each in found["components"]}


def test_a_document_names_the_image_and_all_that_is_in_it() -> None:
    found = read()
    subject = found["metadata"]["component"]
    assert (subject["name"], subject["version"]) == ("one", "1.2")
    assert subject["hashes"] == [{"alg": "SHA-256", "content": IMAGE.digest.removeprefix("sha256:")}]
    assert set(by_purl(found)) == {
        "pkg:deb/debian/libc6@2.36-9%2Bdeb12u13?arch=amd64&distro=bookworm",
        "pkg:pypi/boto3@1.44.5",
        "pkg:pypi/mlflow-skinny@3.1",
        "pkg:pypi/other@1",
        "pkg:golang/example.org/tool@v1.2.3",
        "pkg:golang/stdlib@1.27.3",
        "pkg:golang/github.com/spf13/cobra@v1.10.2",
        "pkg:golang/k8s.io/api@v0.36.3",
    }
    assert kinds(found) == {"Debian": 1, "Python": 3, "Go": 4}


def test_a_python_package_has_the_hashes_that_it_was_held_to() -> None:
    found = by_purl(read())
    (archive,) = found["pkg:pypi/boto3@1.44.5"]["externalReferences"]
    assert [each["content"] for each in archive["hashes"]] == [*HASHES]
    assert "externalReferences" in found["pkg:pypi/mlflow-skinny@3.1"]
    assert "externalReferences" not in found["pkg:pypi/other@1"]


def test_a_program_has_its_hash_and_says_where_it_lies_and_what_compiled_it() -> None:
    program = by_purl(read())["pkg:golang/example.org/tool@v1.2.3"]
    assert program["hashes"] == [{"alg": "SHA-256", "content": "e" * 64}]
    assert {each["name"]: each["value"] for each in program["properties"]} == {
        "groundwork:path": "/opt/venv/bin/tool",
        "groundwork:go": "1.27.3",
        "groundwork:revision": "530be3e3",
    }


def test_the_same_image_has_the_same_document() -> None:
    programs = dict(reversed(CONTENTS.programs.items()))
    reverse = Contents(debian=STATUS, python=CONTENTS.python, programs=programs)
    assert document("one", IMAGE, CONTENTS, REQUIREMENTS) == document("one", IMAGE, reverse, REQUIREMENTS)
    other = IMAGE.model_copy(update={"digest": sha256(b"another")})
    assert json.loads(document("one", other, CONTENTS))["serialNumber"] != read()["serialNumber"]


def test_what_no_package_brought_is_listed_as_files() -> None:
    found = read(Contents(programs={"bin/busybox": Program(sha256="f" * 64, build=None)}))
    assert [(each["type"], each["name"]) for each in found["components"]] == [("file", "/bin/busybox")]
    assert kinds(found) == {"other": 1}


def test_what_dpkg_says_is_installed_becomes_packages() -> None:
    assert debian("Package: libc6\nVersion: 2.36-9+deb12u13\n\nPackage: gone\nStatus: deinstall\n") == [
        {
            "type": "library",
            "bom-ref": "pkg:deb/debian/libc6@2.36-9%2Bdeb12u13",
            "name": "libc6",
            "version": "2.36-9+deb12u13",
            "purl": "pkg:deb/debian/libc6@2.36-9%2Bdeb12u13",
        }
    ]
