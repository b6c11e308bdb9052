"""The API server: whether it answers, its version, its clock, and whether it is the one that the state is of."""

import base64
import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from modules.core.errors import UserError
from scripts.cli.clients import identity
from scripts.cli.environment import Environment
from scripts.cli.kubeconfig import current_user

from .findings import KEY, Context, Finding

OLDEST = (1, 30)
"""The first one that has ValidatingAdmissionPolicy as a stable kind."""
SKEW_SECONDS = 300.0
"""An S3 API refuses requests that are 15 minutes off; certificates that were just made are not valid before."""


def check(context: Context) -> list[Finding]:
    """Raise UserError where it does not answer, or lets nobody in: nothing else can be checked then."""
    context.api.get("/api/v1")  # who may not come in, may read the version all the same
    response = context.api.response("/version")
    return [
        version(response.json(), context.existing.context),
        clock(response.headers.get("date"), time.time()),
        same_cluster(context.environment),
    ]


def version(given: Mapping[str, str], context: str) -> Finding:
    found = tuple(int(re.sub(r"\D.*", "", given[part])) for part in ("major", "minor"))  # 28+ where a cloud adds to it
    oldest = ".".join(map(str, OLDEST))
    detail = f"Kubernetes {given['gitVersion']} by context {context}"
    if found < OLDEST:
        return Finding(
            check="API server",
            state="refused",
            detail=f"{detail}: {oldest} or newer is needed",
            action=f"upgrade the cluster, or name another one by {KEY}.context",
        )
    return Finding(check="API server", state="ok", detail=detail)


def clock(date: str | None, now: float) -> Finding:
    """date: the header of an answer. Whole seconds, and as old as the answer was on its way."""
    if date is None:
        return Finding(check="clocks", state="not known", detail="the API server does not say what time it is")
    seconds = now - parsedate_to_datetime(date).timestamp()
    detail = f"this machine's clock is {abs(seconds):.0f} s {'ahead of' if seconds > 0 else 'behind'} the API server's"
    if abs(seconds) <= SKEW_SECONDS:
        return Finding(check="clocks", state="ok", detail=detail)
    return Finding(
        check="clocks",
        state="refused",
        detail=f"{detail}, more than {SKEW_SECONDS:.0f} s: certificates and signed requests would be refused",
        action="set the clock that is wrong, best by NTP",
    )


def same_cluster(environment: Environment) -> Finding:
    if (found := identity.difference(environment)) is not None:
        return Finding(check="cluster of the state", state="refused", detail=found[0], action=found[1])
    known = identity.recorded(environment)
    detail = f"the one with {known}" if known else "nothing was made from this machine yet"
    return Finding(check="cluster of the state", state="ok", detail=detail)


def unreachable(environment: Environment, context: str, error: UserError) -> Finding:
    """Why nothing could be asked."""
    text = str(error)
    if "401" in text or "certificate" in text:
        text += _expiry(current_user(environment.process_environment()["KUBECONFIG"], context))
    return Finding(
        check="API server",
        state="refused",
        detail=f"by context {context}: {text}",
        action=f"make `kubectl --context {context} version` work on this machine (log in anew, a VPN, a proxy), or "
        f"name another cluster by {KEY}.context",
    )


def _expiry(user: Mapping[str, Any]) -> str:
    from cryptography import x509

    if data := user.get("client-certificate-data"):
        pem = base64.b64decode(data)
    elif (path := Path(user.get("client-certificate", ""))).is_file():
        pem = path.read_bytes()
    else:
        return ""
    end = x509.load_pem_x509_certificate(pem).not_valid_after_utc
    return f"; the client certificate expired on {end:%Y-%m-%d %H:%M} UTC" if end < datetime.now(UTC) else ""
