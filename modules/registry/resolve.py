"""Asks registries which digest a tag has, by the OCI distribution API and its token flow, as an anonymous reader."""

import hashlib
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import httpx

from modules.core.errors import UserError

from .access import RegistryAuth, api_host, scheme
from .third_party import UNRESOLVED, ThirdPartyImage

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
    except (RegistryError, UserError) as error:
        return Answer(digest=None, problem=str(error))
    except httpx.HTTPError as error:
        return Answer(digest=None, problem=f"not reached ({type(error).__name__}: {error})")


def digest_of(client: httpx.Client, image: ThirdPartyImage) -> str:
    """Return the digest that the image's registry has for its tag. Raise RegistryError where it returns none."""
    host = api_host(image.source)
    url = f"{scheme(host)}://{host}/v2/{image.source.partition('/')[2]}/manifests/{image.tag}"
    headers = {"Accept": MANIFESTS}
    auth = RegistryAuth(image.source, login=None)
    response = client.head(url, headers=headers, auth=auth)
    if not response.is_success:
        raise RegistryError(f"{url} answered {response.status_code} {response.reason_phrase}")
    digest = response.headers.get("Docker-Content-Digest") or _measured(client, url, headers, auth)
    if not DIGEST.fullmatch(digest):
        raise RegistryError(f"{url} returned the digest {digest!r}; expected sha256:<64 hex digits>")
    return digest


def _measured(client: httpx.Client, url: str, headers: Mapping[str, str], auth: httpx.Auth) -> str:
    """Of the manifest itself, where the registry sends no digest along."""
    response = client.get(url, headers=headers, auth=auth)
    if not response.is_success or len(response.content) > LARGEST_MANIFEST:
        raise RegistryError(f"{url} answered {response.status_code} with {len(response.content)} bytes")
    return f"sha256:{hashlib.sha256(response.content).hexdigest()}"
