"""The programs that are built here: one folder each, whose go.mod and go.sum pin everything."""

import re
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True, kw_only=True)
class BuildTarget:
    """One Go module below this folder and the binary that comes of it."""

    name: str
    """Folder, and name of the binary."""
    package: str = "."
    """What `go build` is given: a package of the module itself, or of what it requires."""
    pinned: str | None = None
    """Module whose version in go.mod is stamped into the binary."""
    stamps: tuple[str, ...] = ()
    """Linker variables, as `variable=template`; {version} {major} {minor} come from the pinned module's version."""
    links: tuple[str, ...] = ()
    """Further names of the binary: it looks at the name it was called by."""
    embeds: tuple[str, ...] = ()
    """Files of the pinned module that main.go embeds, by their path in that module: taken from it at build time."""

    @property
    def folder(self) -> Path:
        return HERE / self.name

    def sources(self) -> list[Path]:
        """What the binary depends on, apart from Go itself and `go build`'s arguments."""
        return sorted(p for p in self.folder.iterdir() if p.suffix in {".go", ".mod", ".sum"})

    def linker_flags(self) -> str:
        version = pinned_version(self.folder / "go.mod", self.pinned) if self.pinned else ""
        major, minor, *_ = [*version.removeprefix("v").split("."), "", ""]
        stamps = (f"-X {s.format(version=version, major=major, minor=minor)}" for s in self.stamps)
        return " ".join(["-s -w", *stamps])


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


def pinned_version(go_mod: Path, module: str) -> str:
    """The version that a go.mod requires of a module; ValueError where it requires none."""
    found = re.search(rf"^(?:require )?\s*{re.escape(module)} (v\S+)", go_mod.read_text(), re.MULTILINE)
    if found is None:
        raise ValueError(f"{go_mod} requires no {module}")
    return found.group(1)
