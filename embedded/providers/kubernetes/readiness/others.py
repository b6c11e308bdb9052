"""Pods, Services, Ingresses, claims, volumes, Namespaces, custom resource definitions, quotas, tokens."""

from embedded.providers.base import Object

from .verdict import READY, Verdict, condition, failed, holds, says, spec, status, waiting


def pod(live: Object) -> Verdict:
    phase = status(live).get("phase")
    if phase == "Succeeded" or holds(live, "Ready"):
        return READY
    if phase == "Failed":
        return failed(f"the Pod failed: {says(status(live)) or 'a container ended with an error'}")
    why = says(condition(live, "ContainersReady")) or says(condition(live, "PodScheduled"))
    return waiting(f"{phase or 'Pending'}{f' ({why})' if why else ''}")


def service(live: Object, slices: list[Object]) -> Verdict:
    """Somebody answers behind it, and a load balancer has its address.

    slices: its EndpointSlices. Without a selector, headless or external there is nothing to wait for.
    """
    wanted = spec(live)
    if wanted.get("type") == "LoadBalancer" and not (status(live).get("loadBalancer") or {}).get("ingress"):
        return waiting("no address allocated by a load balancer yet")
    if wanted.get("type") == "ExternalName" or wanted.get("clusterIP") == "None" or not wanted.get("selector"):
        return READY
    endpoints = [endpoint for entry in slices for endpoint in entry.get("endpoints") or ()]
    ready = sum(1 for endpoint in endpoints if (endpoint.get("conditions") or {}).get("ready") is not False)
    if ready:
        return READY
    if endpoints:
        return waiting(f"none of its {len(endpoints)} pods is ready")
    return waiting("its selector matches no pod")


def ingress(live: Object) -> Verdict:
    if (status(live).get("loadBalancer") or {}).get("ingress"):
        return READY
    return waiting("no controller has given it an address yet")


def claim(live: Object, storage_class: Object | None) -> Verdict:
    """Bound, or left unbound by a storage class that binds only when a pod comes."""
    phase = status(live).get("phase")
    if phase == "Bound":
        return READY
    if phase == "Lost":
        return failed("its PersistentVolume is lost")
    if storage_class and storage_class.get("volumeBindingMode") == "WaitForFirstConsumer":
        return READY
    return waiting(f"{phase or 'Pending'}: no volume bound")


def volume(live: Object) -> Verdict:
    phase = status(live).get("phase")
    if phase == "Failed":
        return failed(f"the volume failed: {says(status(live))}")
    return READY if phase in ("Available", "Bound") else waiting(str(phase or "Pending"))


def namespace(live: Object) -> Verdict:
    return READY if status(live).get("phase") == "Active" else waiting(str(status(live).get("phase") or "no phase"))


def definition(live: Object) -> Verdict:
    """A CustomResourceDefinition: served, under names that nobody else has."""
    names = condition(live, "NamesAccepted")
    if names.get("status") == "False":
        return failed(f"its names are not accepted: {says(names)}")
    established = condition(live, "Established")
    return READY if established.get("status") == "True" else waiting(says(established) or "not established")


def secret(live: Object) -> Verdict:
    """The token of a service account is written by a controller, a moment later."""
    if live.get("type") != "kubernetes.io/service-account-token" or live.get("data"):
        return READY
    return waiting("no token has been written into it yet")


def quota(live: Object) -> Verdict:
    counted = (status(live).get("hard") or {}).keys() >= (spec(live).get("hard") or {}).keys()
    return READY if counted else waiting("not counted yet")
