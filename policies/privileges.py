"""No pod has a privilege over its node: not privileged, no host namespaces or folders, no way to more privileges."""

from policies.pods import Document, Pod, group

HOST = ("hostNetwork", "hostPID", "hostIPC")


def problems(pod: Pod) -> list[str]:
    """The privileges that the pod asks for, one line each."""
    found = [f"{key} is true: leave it out" for key in HOST if pod.spec.get(key)]
    found += [
        f"volume {volume.get('name')!r} is the node's folder {volume['hostPath'].get('path')!r}: use a claim"
        for volume in pod.spec.get("volumes") or ()
        if "hostPath" in volume
    ]
    for container in pod.containers():
        context = group(container, "securityContext")
        found += [f"container {container.get('name')!r}: {problem}" for problem in _of_container(context)]
    return found


def _of_container(context: Document) -> list[str]:
    found: list[str] = []
    if context.get("privileged"):
        found.append("privileged is true: leave it out")
    if context.get("allowPrivilegeEscalation") is not False:
        found.append("allowPrivilegeEscalation is not false: set it to false")
    if added := group(context, "capabilities").get("add"):
        found.append(f"capabilities.add is {added}: leave it out")
    return found
