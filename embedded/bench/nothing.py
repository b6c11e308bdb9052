"""A provider that makes nothing, under the name of the Kubernetes one: what is left is the engine's and the SDK's own.

`python -m embedded.bench.nothing` prints its port; the engine finds it by PULUMI_DEBUG_PROVIDERS.
"""

from embedded.providers.base import Call, Created, Diff, Object, Provider, Resource, serve


class Nothing(Provider):
    """Every resource exists as soon as it is asked for, and is what its inputs say."""

    name, version = "kubernetes", "0.0.0"

    def diff(self, resource: Resource, id: str, state: Object, old: Object, new: Object) -> Diff:
        del resource, id, state, old, new
        return Diff()

    def create(self, call: Call, resource: Resource, inputs: Object) -> Created:
        del call
        return Created(resource.name, inputs)


if __name__ == "__main__":
    serve(Nothing())
