"""The programs that are built here: one folder each, whose go.mod and go.sum pin everything."""

import re
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True, kw_only=True)
class Replacement:
    """A module that is built from its published files, apart from one of its folders, which files of the target
    replace. go.mod has the module replaced by `place`, which the compiler sees and no disk has."""

    module: str
    folder: str
    """Of the module."""
    files: str
    """Folder of the target with the files that take its place."""
    place: str

    def overlay(self, target: Path, module: Path) -> dict[str, str]:
        """Return where the compiler finds each file of the place. module: the folder of the published module."""
        place, folder = target / self.place, module / self.folder
        published = [path for path in module.rglob("*") if path.is_file() and not path.is_relative_to(folder)]
        return {
            **{str(place / path.relative_to(module)): str(path) for path in published},
            **{str(place / self.folder / path.name): str(path) for path in (target / self.files).iterdir()},
        }


@dataclass(frozen=True, kw_only=True)
class BuildTarget:
    """One Go module below this folder and the binary that comes of it."""

    name: str
    """Name of the binary."""
    source: str | None = None
    """Folder; None: of the binary's name."""
    package: str = "."
    """What `go build` is given: a package of the module itself, or of what it requires."""
    pinned: str | None = None
    """Module whose version in go.mod is stamped into the binary."""
    stamps: tuple[str, ...] = ()
    """Linker variables, as `variable=template`; {version} {major} {minor} come from the pinned module's version, and
    {commit} where that is a commit's."""
    release: str | None = None
    """Version of the program for people, where that of its module is only a date and a commit."""
    links: tuple[str, ...] = ()
    """Further names of the binary: it looks at the name it was called by."""
    embeds: tuple[str, ...] = ()
    """Files of the pinned module that main.go embeds, by their path in that module: taken from it at build time."""
    tags: tuple[str, ...] = ()
    """Build tags."""
    replacement: Replacement | None = None

    @property
    def folder(self) -> Path:
        return HERE / (self.source or self.name)

    def sources(self) -> list[Path]:
        """What the binary depends on, apart from Go itself and `go build`'s arguments."""
        return sorted(p for p in self.folder.rglob("*") if p.suffix in {".go", ".mod", ".sum"})

    @property
    def version(self) -> str:
        """Of the program, for people; empty where no module is pinned."""
        return self.release or self._pinned.removeprefix("v")

    def linker_flags(self) -> str:
        version = self._pinned
        major, minor, *_ = [*version.removeprefix("v").split("."), "", ""]
        commit = version.rpartition("-")[2]
        stamps = (f"-X {s.format(version=version, major=major, minor=minor, commit=commit)}" for s in self.stamps)
        return " ".join(["-s -w", *stamps])

    @property
    def _pinned(self) -> str:
        return pinned_version(self.folder / "go.mod", self.pinned) if self.pinned else ""


BUILD_TARGETS = (
    BuildTarget(
        name="kubernetes",
        pinned="k8s.io/kubernetes",
        stamps=(
            "k8s.io/component-base/version.gitVersion={version}",
            "k8s.io/component-base/version.gitMajor={major}",
            "k8s.io/component-base/version.gitMinor={minor}",
        ),
        links=(
            "etcd",
            "kube-apiserver",
            "kube-controller-manager",
            "kube-proxy",
            "kube-scheduler",
            "kubectl",
            "kubelet",
        ),
    ),
    BuildTarget(
        name="pulumi",
        package="github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
        pinned="github.com/pulumi/pulumi/pkg/v3",
        stamps=("github.com/pulumi/pulumi/sdk/v3/go/common/version.Version={version}",),
    ),
    BuildTarget(
        # Not by the name of a plugin: the engine would take it from PATH, and say so each time.
        name="pulumi-kubernetes",
        pinned="github.com/pulumi/pulumi-kubernetes/provider/v4",
        # The release of the Python SDK beside it: the module's own version is a date.
        # And the release of Kubernetes that the kubectl in it is of, which numbers its modules v0.33.3.
        stamps=(
            "github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/version.Version=4.25.0",
            "k8s.io/component-base/version.gitVersion=v1.33.3",
        ),
        embeds=(
            "cmd/pulumi-resource-kubernetes/schema.json",
            "cmd/pulumi-resource-kubernetes/terraform-mapping.json",
        ),
    ),
    BuildTarget(name="coredns"),
    BuildTarget(
        name="registry",
        pinned="github.com/distribution/distribution/v3",
        stamps=("github.com/distribution/distribution/v3/version.version={version}",),
    ),
    BuildTarget(
        name="kwok",
        package="sigs.k8s.io/kwok/cmd/kwok",
        pinned="sigs.k8s.io/kwok",
        stamps=("sigs.k8s.io/kwok/pkg/consts.Version={version}",),
    ),
    BuildTarget(
        name="kube-router",
        package="github.com/cloudnativelabs/kube-router/v2/cmd/kube-router",
        pinned="github.com/cloudnativelabs/kube-router/v2",
        stamps=("github.com/cloudnativelabs/kube-router/v2/pkg/version.Version={version}",),
    ),
    BuildTarget(
        name="metrics-server",
        package="sigs.k8s.io/metrics-server/cmd/metrics-server",
        pinned="sigs.k8s.io/metrics-server",
        stamps=("k8s.io/client-go/pkg/version.gitVersion={version}",),
    ),
    BuildTarget(name="pause"),
)

IMAGE_TARGETS = (
    BuildTarget(
        name="weed",
        package="github.com/seaweedfs/seaweedfs/weed",
        pinned="github.com/seaweedfs/seaweedfs",
        stamps=("github.com/seaweedfs/seaweedfs/weed/util/version.COMMIT={commit}",),
        # SeaweedFS has no tags that Go takes for versions: weed/util/version/constants.go of the commit says it.
        release="4.53",
        # How long an entry of a volume's index is: without it no volume opens that a version before this one wrote.
        tags=("5BytesOffset",),
    ),
)
"""Programs that run in the platform's images; no cluster needs them."""

TEST_TARGETS = (
    BuildTarget(
        name="traefik",
        package="github.com/traefik/traefik/v3/cmd/traefik",
        pinned="github.com/traefik/traefik/v3",
        stamps=("github.com/traefik/traefik/v3/pkg/version.Version={version}",),
        replacement=Replacement(
            module="github.com/go-acme/lego/v5", folder="providers/dns", files="dns", place="_lego"
        ),
    ),
)
"""Programs that play somebody else's part in a test; no environment needs them."""

KARPENTER = BuildTarget(
    name="karpenter",
    package="github.com/aws/karpenter-provider-aws/cmd/controller",
    pinned="github.com/aws/karpenter-provider-aws",
    stamps=("sigs.k8s.io/karpenter/pkg/operator.Version={version}",),
)
"""What brings nodes on AWS, in an image of its own: no platform elsewhere builds it."""

KARPENTER_KWOK = BuildTarget(
    name="karpenter-kwok",
    source="karpenter",
    package="github.com/aws/karpenter-provider-aws/kwok",
    pinned="github.com/aws/karpenter-provider-aws",
    stamps=("sigs.k8s.io/karpenter/pkg/operator.Version={version}",),
)
"""The same Karpenter, whose instances are simulated nodes. No cluster and no image needs it: it is built where a test
shows what Karpenter makes of the platform's pools."""


def pinned_version(go_mod: Path, module: str) -> str:
    """The version that a go.mod requires of a module; ValueError where it requires none."""
    found = re.search(rf"^(?:require )?\s*{re.escape(module)} (v\S+)", go_mod.read_text(), re.MULTILINE)
    if found is None:
        raise ValueError(f"{go_mod} requires no {module}")
    return found.group(1)
