"""`aws eks get-token`, as programs call it, for clusters of an emulated account: `python -m embedded.aws.command`.

It is what a kubeconfig for a cluster of EKS names. AWS's own command makes a token of a signed request to STS; here the
account is asked, by a signed request too, and answers with a certificate of the cluster's.
"""

import argparse
import json
import os
import sys
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from embedded.providers.aws.account import require_loopback
from embedded.providers.base.errors import ProviderError

MINUTES = 14
"""After which a client asks again: one less than the certificate is valid."""
SECONDS = 30
"""What the account gets to answer."""
LONGEST = 300
"""Characters of an answer that is no document."""


def install(folder: Path, python: Path) -> None:
    """Put it into a folder as the command `aws`, which such kubeconfigs look for on the PATH."""
    folder.mkdir(parents=True, exist_ok=True)
    command = folder / "aws"
    command.write_text(f'#!/bin/sh\nexec "{python}" -I -m embedded.aws.command "$@"\n')
    command.chmod(0o755)


def main() -> None:
    options = arguments()
    try:
        print(json.dumps(document(options.cluster_name, options.region)))
    except (ProviderError, OSError) as error:
        sys.exit(f"aws eks get-token, for the emulated account: {error}")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="aws", description="The one command of AWS's CLI that an emulated account needs: aws eks get-token."
    )
    commands = parser.add_subparsers(required=True).add_parser("eks").add_subparsers(required=True)
    get_token = commands.add_parser("get-token")
    get_token.add_argument("--cluster-name", required=True)
    get_token.add_argument("--region", default=os.environ.get("AWS_REGION", "us-east-1"))
    get_token.add_argument("--output", choices=["json"], default="json")
    return parser.parse_args()


def document(cluster: str, region: str) -> dict[str, object]:
    """Return what a client of Kubernetes asks such a program for. ProviderError where the account says no, or is none
    of this machine."""
    until = datetime.now(UTC) + timedelta(minutes=MINUTES)
    answer = _ask(f"/clusters/{quote(cluster, safe='')}/credential", region)
    return {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {
            "expirationTimestamp": until.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "clientCertificateData": answer["certificate"],
            "clientKeyData": answer["key"],
        },
    }


def _ask(path: str, region: str) -> dict[str, str]:
    import boto3
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest

    endpoint = require_loopback(os.environ.get("AWS_ENDPOINT_URL", ""))
    session: Any = boto3.Session()
    credentials = session.get_credentials()
    if credentials is None:
        raise ProviderError("no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile")
    url = endpoint.rstrip("/") + path
    request = AWSRequest("GET", url)
    SigV4Auth(credentials, "eks", region).add_auth(request)
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(urllib.request.Request(url, headers=dict(request.headers)), timeout=SECONDS) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise ProviderError(f"{error.code}: {_reason(error.read())}") from None


def _reason(answer: bytes) -> str:
    """Return why the account says no. What fails in it has another form."""
    try:
        return json.loads(answer)["message"]
    except (ValueError, KeyError):
        return answer.decode(errors="replace").strip()[:LONGEST]


if __name__ == "__main__":
    main()
