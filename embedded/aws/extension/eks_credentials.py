"""EKS: what lets a caller into a cluster's Kubernetes API.

AWS's own API server takes a signed request to STS as a token. The embedded one asks nobody outside its node, so that
the account itself looks who asks, and answers with a certificate that is valid for as long as such a token.
"""

import json
import re
from datetime import timedelta
from typing import Any
from urllib.parse import unquote, urlsplit

from moto.eks.models import eks_backends
from moto.eks.responses import EKSResponse
from moto.sts.models import sts_backends

from embedded.aws.clusters import Clusters
from embedded.cluster.certificates import issue
from embedded.cluster.layout import ADMINS

from . import eks_planes
from .authorization import FROM_POD
from .eks_access import entry_of
from .eks_common import store

PATH = re.compile(r"/clusters/([^/]+)/credential")
VALID = timedelta(minutes=15)
"""How long a token of EKS is valid."""
Answer = tuple[int, dict[str, str], str]


class Requests(EKSResponse):
    """Those below a cluster's name: for a credential, or for what else EKS is asked."""

    @classmethod
    def dispatch(cls, *args: Any, **kwargs: Any) -> Any:
        request, full_url, headers = args
        found = PATH.fullmatch(urlsplit(str(full_url)).path)
        if not found:
            return EKSResponse.dispatch(*args, **kwargs)
        response = cls()
        response.setup_class(request, full_url, headers)
        return credential(response, unquote(found[1]))


def caller(response: Any) -> str:
    """The ARN by which STS knows who asks."""
    account: str = response.current_account
    return sts_backends[account]["aws"].get_caller_identity(response.get_access_key(), response.region)[1]


def credential(response: Any, name: str) -> Answer:
    """Certificate and key, PEM, for who asks; 403 where no access entry lets them in, 404 where there is no cluster."""
    if FROM_POD.get():  # they come in by their service accounts
        return _answer(403, message="pods get no credential of a cluster")
    backend = eks_backends[response.current_account][response.region]
    cluster: Any = backend.clusters.get(name)
    if cluster is None or not (clusters := eks_planes.clusters_of(cluster)):
        return _answer(404, message=f"No cluster found for name: {name}, with a control plane that is ACTIVE.")
    who = caller(response)
    entry = entry_of(store(backend, name, "access entry"), who)
    if entry is not None:
        eks_planes.access_changed(backend, cluster, entry["principalArn"])
        return _issued(clusters, cluster, entry["username"], entry["kubernetesGroups"])
    if who == getattr(cluster, "creator", None):
        return _issued(clusters, cluster, "kubernetes-admin", [ADMINS])
    return _answer(403, message=f"{who} has no access entry in cluster {name}")


def _issued(clusters: Clusters, cluster: Any, user: str, groups: list[str]) -> Answer:
    certificate, key = issue(clusters.of(cluster.arn).layout, user, groups=groups, valid=VALID)
    return _answer(200, certificate=certificate, key=key)


def _answer(status: int, **content: str) -> Answer:
    return status, {"Content-Type": "application/json"}, json.dumps(content)
