"""Every image is named by its digest, or the pod is one that only simulated nodes take."""

import re

from modules.core.simulation import SIMULATED
from policies.pods import Pod, group

BY_DIGEST = re.compile(r".+@sha256:[0-9a-f]{64}")


def problems(pod: Pod) -> list[str]:
    """What is wrong with the pod's images, one line each."""
    if is_simulated(pod):
        return []
    return [
        f"container {container.get('name')!r} has the image {container.get('image')!r}: expected name@sha256:<digest>; "
        f"without a known digest it runs on simulated nodes only (label, node selector and toleration {SIMULATED})"
        for container in pod.containers()
        if not BY_DIGEST.fullmatch(str(container.get("image")))
    ]


def is_simulated(pod: Pod) -> bool:
    """Whether the pod says that it is simulated, and no real node can take it."""
    labels, selector = group(pod.metadata, "labels"), group(pod.spec, "nodeSelector")
    tolerated = {toleration.get("key") for toleration in pod.spec.get("tolerations") or ()}
    return labels.get(SIMULATED) == selector.get(SIMULATED) == "true" and SIMULATED in tolerated
