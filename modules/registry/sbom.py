"""The SBOM of an image: a CycloneDX document, the same for the same image."""

import json
import re
import uuid
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from modules.core.images import LockedImage
from modules.core.versions import DEBIAN

from .contents import Contents
from .go_programs import GoBuild

MEDIA_TYPE = "application/vnd.cyclonedx+json"
REQUIREMENT = re.compile(
    r"^(?P<name>[\w.-]+)(?:\[[^\]]*\])?==(?P<version>[^\s;\\]+)(?P<rest>(?:.*\\\n)*.*)", re.MULTILINE
)
HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
FIELDS = {
    field: re.compile(rf"^{field}: (.+)$", re.MULTILINE) for field in ("Package", "Version", "Architecture", "Status")
}
KINDS = {"deb": "Debian", "pypi": "Python", "golang": "Go", "file": "other"}
"""What is counted, by type of its package URL."""

Component = dict[str, Any]
Document = dict[str, Any]


def document(name: str, image: LockedImage, contents: Contents, requirements: str = "") -> bytes:
    """Return the document of an image as bytes of JSON.

    requirements: what its Python packages were installed from, with hashes.
    """
    components = [*_python(contents, requirements), *debian(contents.debian or ""), *_programs(contents)]
    unique = {each["bom-ref"]: each for each in components}
    found: Document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": _subject(name, image)},
        "components": [unique[reference] for reference in sorted(unique)],
    }
    # Neither a date nor a random number: the same image has the same document wherever it is made.
    found["serialNumber"] = uuid.uuid5(uuid.NAMESPACE_URL, _json(found).decode()).urn
    return _json(found)


def kinds(found: Document) -> Counter[str]:
    """Return how many packages of each kind a document lists."""
    types = (each["bom-ref"].partition("/")[0].removeprefix("pkg:") for each in found["components"])
    return Counter(KINDS.get(each, "other") for each in types)


def debian(text: str) -> list[Component]:
    """Return the packages of a Debian index, or of what dpkg says is installed."""
    found: list[Component] = []
    for stanza in text.split("\n\n"):
        fields = {field: match.group(1) for field, pattern in FIELDS.items() if (match := pattern.search(stanza))}
        if {"Package", "Version"} <= fields.keys() and fields.get("Status", " installed").endswith(" installed"):
            purl = f"pkg:deb/debian/{quote(fields['Package'])}@{quote(fields['Version'])}"
            qualifiers = f"?arch={fields['Architecture']}&distro={DEBIAN}" if "Architecture" in fields else ""
            found.append(component("library", fields["Package"], fields["Version"], purl + qualifiers))
    return found


def go_modules(build: GoBuild) -> list[Component]:
    """Return the modules that were compiled into a program, Go's own library among them."""
    named = (("stdlib", build.go), *build.modules)
    return [component("library", name, version, _golang(name, version)) for name, version in named]


def component(kind: str, name: str, version: str, purl: str) -> Component:
    """Return what a document says of anything that has a package URL."""
    return {"type": kind, "bom-ref": purl, "name": name, "version": version, "purl": purl}


def _subject(name: str, image: LockedImage) -> Component:
    found = component("container", name, image.version, f"pkg:oci/{name}@{quote(image.digest, safe='')}")
    found["hashes"] = [_hash(image.digest.removeprefix("sha256:"))]
    return found | {"properties": [{"name": "groundwork:inputs", "value": image.inputs}]}


def _python(contents: Contents, requirements: str) -> Iterable[Component]:
    locked = _locked(requirements)
    for name, version in contents.python:
        normal = re.sub(r"[-_.]+", "-", name).lower()
        found = component("library", normal, version, f"pkg:pypi/{normal}@{quote(version)}")
        # One of these archives was installed: which one depends on the processor.
        if hashes := locked.get((normal, version)):
            index = f"https://pypi.org/simple/{normal}/"
            found["externalReferences"] = [
                {"type": "distribution", "url": index, "hashes": [_hash(each) for each in sorted(hashes)]}
            ]
        yield found


def _locked(requirements: str) -> Mapping[tuple[str, str], list[str]]:
    return {
        (found["name"].lower(), found["version"]): HASH.findall(found["rest"])
        for found in REQUIREMENT.finditer(requirements)
    }


def _programs(contents: Contents) -> Iterable[Component]:
    for path, program in contents.programs.items():
        if build := program.build:
            found = component("application", build.name, build.version, _golang(build.name, build.version))
            found["bom-ref"] += f"#{path}"
            facts = {"path": f"/{path}", "go": build.go, "revision": build.revision}
            found["hashes"] = [_hash(program.sha256)]
            found["properties"] = [
                {"name": f"groundwork:{key}", "value": value} for key, value in facts.items() if value
            ]
            yield found
            yield from go_modules(build)
        elif contents.debian is None:  # no package that it could be of
            yield {"type": "file", "bom-ref": f"file:/{path}", "name": f"/{path}", "hashes": [_hash(program.sha256)]}


def _golang(name: str, version: str) -> str:
    return f"pkg:golang/{quote(name, safe='/')}@{quote(version)}"


def _hash(content: str) -> dict[str, str]:
    return {"alg": "SHA-256", "content": content}


def _json(found: Document) -> bytes:
    return json.dumps(found, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
