"""Whether the cluster has the kinds of what leads to the gateway: definitions of a controller, of which some clusters
have none."""

from scripts.cli.clients.gateway import CERTIFICATE

from .findings import KEY, Context, Finding

CHECK = "entry"


def check(context: Context) -> list[Finding]:
    """Return nothing where the gateway's entry is made of Kubernetes' own kinds."""
    entry = context.environment.settings.entry
    if entry.ingress is None and entry.listener is None:
        return []
    from modules.gateway.outside import custom_objects  # a second, for what few stacks have

    objects = custom_objects(entry, CERTIFICATE)
    missing = [each for each in objects if each.kind not in _served(context, each.api_version)]
    if missing:
        named = ", ".join(f"{each.kind} of {each.api_version}" for each in missing)
        return [
            Finding(
                check=CHECK,
                state="refused",
                detail=f"{KEY}.reached.by is {context.existing.reached.by!r}, and the cluster does not have {named}",
                action="have the admin install what defines it (Traefik, or the Gateway API: 1.4 for HTTPRoute and "
                f"BackendTLSPolicy, 1.5 for TLSRoute), or choose another {KEY}.reached.by",
            )
        ]
    kinds = ", ".join(each.kind for each in objects)
    return [Finding(check=CHECK, state="ok", detail=f"the cluster has {kinds}")] if objects else []


def _served(context: Context, api_version: str) -> set[str]:
    found = context.api.get(f"/apis/{api_version}") or {}
    return {each["kind"] for each in found.get("resources", [])}
