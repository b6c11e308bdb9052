"""Asks registries which digest a tag has, by the OCI distribution API and its token flow, as an anonymous reader."""

import hashlib
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import httpx

from .third_party import UNRESOLVED, ThirdPartyImage

HOSTS = {"docker.io": "registry-1.docker.io"}
"""Where a registry answers, by the host in its images' names, when that is another."""
MANIFESTS = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)
"""An index, which holds for every machine, before a manifest, which holds for one kind."""
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
LARGEST_MANIFEST = 4 * 2**20
"""Bytes: what the distribution API asks registries to accept at most."""
TIMEOUT_SECONDS = 15.0


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What became of the question for one image: a digest, or why there is none."""

    digest: str | None
    problem: str | None


class RegistryError(Exception):
    """A registry returned no digest; the message says why."""


def resolve(images: Mapping[str, ThirdPartyImage]) -> dict[str, Answer]:
    """The answer by name for each image that is unresolved. A digest that is known is not asked for again: a tag that
    moved since changes nothing here."""
    asked = {name: image for name, image in images.items() if image.digest == UNRESOLVED}
    if not asked:
        return {}
    with httpx.Client(timeout=TIMEOUT_SECONDS, follow_redirects=True) as client, ThreadPoolExecutor(4) as pool:
        answers = pool.map(partial(_answer, client), asked.values())
        return dict(zip(asked, answers, strict=True))


def _answer(client: httpx.Client, image: ThirdPartyImage) -> Answer:
    try:
        return Answer(digest=digest_of(client, image), problem=None)
    except RegistryError as error:
        return Answer(digest=None, problem=str(error))
    except httpx.HTTPError as error:
        return Answer(digest=None, problem=f"not reached ({type(error).__name__}: {error})")


def digest_of(client: httpx.Client, image: ThirdPartyImage) -> str:
    """Return the digest that the image's registry has for its tag. Raise RegistryError where it returns none."""
    host, _, repository = image.source.partition("/")
    host = HOSTS.get(host, host)
    url = f"{scheme(host)}://{host}/v2/{repository}/manifests/{image.tag}"
    headers = {"Accept": MANIFESTS}
    response = client.head(url, headers=headers)
    if response.status_code == 401:
        headers["Authorization"] = f"Bearer {_token(client, response.headers.get('WWW-Authenticate', ''), repository)}"
        response = client.head(url, headers=headers)
    if not response.is_success:
        raise RegistryError(f"{url} answered {response.status_code} {response.reason_phrase}")
    digest = response.headers.get("Docker-Content-Digest") or _measured(client, url, headers)
    if not DIGEST.fullmatch(digest):
        raise RegistryError(f"{url} returned the digest {digest!r}; expected sha256:<64 hex digits>")
    return digest


def scheme(host: str) -> str:
    """Plain HTTP for a registry on this very machine, as container engines have it; TLS for every other."""
    name = host.partition(":")[0]
    return "http" if name == "localhost" or name.startswith("127.") else "https"


def challenge(header: str) -> dict[str, str]:
    """The parameters of `WWW-Authenticate: Bearer realm="...",service="..."`; empty where it is no such challenge."""
    kind, _, parameters = header.partition(" ")
    return dict(re.findall(r'(\w+)="([^"]*)"', parameters)) if kind.lower() == "bearer" else {}


def _token(client: httpx.Client, header: str, repository: str) -> str:
    found = challenge(header)
    realm = httpx.URL(found.get("realm", ""))
    if not realm.host or realm.scheme != scheme(realm.host):
        raise RegistryError(f"asks for a login that is not understood: WWW-Authenticate: {header or 'nothing'}")
    query = {"scope": found.get("scope", f"repository:{repository}:pull")}
    if service := found.get("service"):
        query["service"] = service
    response = client.get(realm, params=query)
    if not response.is_success:
        raise RegistryError(f"its token server {realm} answered {response.status_code} {response.reason_phrase}")
    content = response.json()
    token = content.get("token") or content.get("access_token")
    if not token:
        raise RegistryError(f"its token server {realm} gave no token")
    return token


def _measured(client: httpx.Client, url: str, headers: Mapping[str, str]) -> str:
    """Of the manifest itself, where the registry sends no digest along."""
    response = client.get(url, headers=dict(headers))
    if not response.is_success or len(response.content) > LARGEST_MANIFEST:
        raise RegistryError(f"{url} answered {response.status_code} with {len(response.content)} bytes")
    return f"sha256:{hashlib.sha256(response.content).hexdigest()}"
