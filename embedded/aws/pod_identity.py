"""What EKS does with pods whose service account names a role: a token, and where the SDKs of AWS find it. Pure.

On EKS a webhook of AWS's does it (amazon-eks-pod-identity-webhook); here a policy of the API server. Beside that it
leads them to the authority of the emulated account's certificate.
"""

from collections.abc import Iterator
from string import Template

from embedded.cluster.api import Json

NAME = "pod-identity-webhook"
ANNOTATION = "eks.amazonaws.com/role-arn"
VOLUME, FOLDER = "aws-iam-token", "/var/run/secrets/eks.amazonaws.com/serviceaccount"
AUDIENCE, SECONDS = "sts.amazonaws.com", 86400
GROUP = "admissionregistration.k8s.io"
VERSION = "v1"
OWN = ("AWS_CA_BUNDLE",)
"""Variables that a pod has no other value of: another authority's certificate nothing of the account has."""
CONTAINERS = Template("""\
object.spec.$field.map(c, Object.spec.$kind{
  name: c.name,
  env: [$env].filter(e, e.name in [$own] || !c.?env.orValue([]).exists(known, known.name == e.name)),
  volumeMounts: [Object.spec.$kind.volumeMounts{name: "$volume", mountPath: "$folder", readOnly: true}]
})""")
TOKEN = Template("""\
Object.spec.volumes{name: "$volume", projected: Object.spec.volumes.projected{defaultMode: 420, sources: [
  Object.spec.volumes.projected.sources{
    serviceAccountToken: Object.spec.volumes.projected.sources.serviceAccountToken{
      audience: "$audience", expirationSeconds: $seconds, path: "token"
    }
  },
  Object.spec.volumes.projected.sources{
    configMap: Object.spec.volumes.projected.sources.configMap{
      name: "kube-root-ca.crt",
      items: [Object.spec.volumes.projected.sources.configMap.items{key: "ca.crt", path: "ca.crt"}]
    }
  }
]}}""")
MINE = (
    f"object.spec.?serviceAccountName.orValue('default') == params.metadata.name"
    f" && params.metadata.?annotations[?'{ANNOTATION}'].hasValue()"
    f" && !object.spec.?volumes.orValue([]).exists(volume, volume.name == '{VOLUME}')"
)


def objects(region: str) -> Iterator[tuple[str, Json]]:
    """Yield path and document of each object."""
    created = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
    yield _policy(
        "Policy",
        {
            "failurePolicy": "Fail",
            "reinvocationPolicy": "Never",
            "paramKind": {"apiVersion": "v1", "kind": "ServiceAccount"},
            "matchConstraints": {"resourceRules": [created]},
            "matchConditions": [{"name": "has-a-role", "expression": MINE}],
            "mutations": [
                {"patchType": "JSONPatch", "jsonPatch": {"expression": _volume()}},
                *(
                    {
                        "patchType": "ApplyConfiguration",
                        "applyConfiguration": {"expression": _environment(kind, region)},
                    }
                    for kind in ("containers", "initContainers")
                ),
            ],
        },
    )
    # Each service account of the pod's namespace is held to the conditions: one of them is the pod's.
    yield _policy(
        "PolicyBinding",
        {"policyName": NAME, "paramRef": {"selector": {}, "parameterNotFoundAction": "Allow"}},
    )


def environment(region: str) -> dict[str, str]:
    """Return the variables of a container, as expressions."""
    return {
        "AWS_ROLE_ARN": f"params.metadata.annotations['{ANNOTATION}']",
        "AWS_WEB_IDENTITY_TOKEN_FILE": f"'{FOLDER}/token'",
        "AWS_STS_REGIONAL_ENDPOINTS": "'regional'",
        "AWS_DEFAULT_REGION": f"'{region}'",
        "AWS_REGION": f"'{region}'",
        "AWS_CA_BUNDLE": f"'{FOLDER}/ca.crt'",
    }


def _environment(kind: str, region: str) -> str:
    entries = [
        f'Object.spec.{kind}.env{{name: "{name}", value: {value}}}' for name, value in environment(region).items()
    ]
    mapped = CONTAINERS.substitute(
        field=kind,
        kind=kind,
        env=", ".join(entries),
        own=", ".join(f"'{name}'" for name in OWN),
        volume=VOLUME,
        folder=FOLDER,
    )
    return f"has(object.spec.{kind}) ? Object{{spec: Object.spec{{{kind}: {mapped}}}}} : Object{{}}"


def _volume() -> str:
    volume = TOKEN.substitute(volume=VOLUME, audience=AUDIENCE, seconds=SECONDS)
    added = f'JSONPatch{{op: "add", path: "/spec/volumes/-", value: {volume}}}'
    first = f'JSONPatch{{op: "add", path: "/spec/volumes", value: [{volume}]}}'
    return f"has(object.spec.volumes) ? [{added}] : [{first}]"


def _policy(kind: str, spec: Json) -> tuple[str, Json]:
    plural = {"Policy": "policies", "PolicyBinding": "policybindings"}[kind]
    return f"/apis/{GROUP}/{VERSION}/mutatingadmission{plural}/{NAME}", {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": f"MutatingAdmission{kind}",
        "metadata": {"name": NAME},
        "spec": spec,
    }
