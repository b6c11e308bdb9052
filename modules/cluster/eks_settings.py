"""Settings of a cluster of Amazon EKS."""

from ipaddress import ip_network
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from modules.core.settings import Cidr, Principal, Settings

INSIDE = tuple(map(ip_network, ("10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16")))
"""Ranges that nothing on the internet has: RFC 1918, RFC 6598."""

AddonVersion = Annotated[str, StringConstraints(pattern=r"^v[0-9]+\.[0-9]+\.[0-9]+-eksbuild\.[0-9]+$")]
NARROWEST_OPEN = 8
"""Bits of prefix of the widest range that may reach the API: as many as one organisation has."""


def _allowed(ranges: list[str]) -> list[str]:
    for text in ranges:
        if ip_network(text).prefixlen < NARROWEST_OPEN:
            raise ValueError(
                f"{text} is nearly everyone: name the ranges of those who deploy, /{NARROWEST_OPEN} or less"
            )
        if any(ip_network(text).overlaps(each) for each in INSIDE):
            raise ValueError(
                f"{text} is a private range, from which nobody comes over the internet, and EKS refuses it: name "
                "public ones; who is in the network, or in one that is connected to it, gets in anyway"
            )
    return ranges


class AddonsSettings(Settings):
    """Versions of what EKS runs in the cluster itself: `aws eks describe-addon-versions` lists them."""

    vpc_cni: AddonVersion = Field(
        default="v1.21.1-eksbuild.7", description="The network of pods, which also enforces network policies."
    )
    kube_proxy: AddonVersion = Field(
        default="v1.35.3-eksbuild.2", description="The way to Services; of the cluster's own Kubernetes version."
    )
    coredns: AddonVersion = Field(default="v1.13.2-eksbuild.4", description="The name servers.")
    ebs_csi_driver: AddonVersion = Field(default="v1.57.1-eksbuild.1", description="Volumes of pods.")


class EksSettings(Settings):
    """A cluster of Amazon EKS."""

    version: Literal["1.34", "1.35", "1.36"] = Field(
        default="1.35",
        description="Kubernetes version: it can be raised by one at a time, and never lowered. Raise it before its "
        "standard support ends (1.34: 2 December 2026, 1.35: 27 March 2027), when AWS raises it by itself.",
    )
    administrators: list[Principal] = Field(
        min_length=1,
        description="ARNs of the roles or users in IAM that administer the cluster, who deploys among them: nobody "
        "else gets in, not even who made it.",
    )
    viewers: list[Principal] = Field(
        default=[], description="ARNs of those who may look at everything in it but Secrets."
    )
    public_ranges: Annotated[list[Cidr], AfterValidator(_allowed)] = Field(
        default=[],
        max_length=40,
        description="CIDRs from which the Kubernetes API is reached over the internet, at most 40; none: only from the "
        "network of the cluster.",
    )
    addons: AddonsSettings = Field(default=AddonsSettings(), description="What EKS runs in it itself.")

    @model_validator(mode="after")
    def _proxies_are_of_its_version(self) -> Self:
        if not self.addons.kube_proxy.startswith(f"v{self.version}."):
            raise ValueError(
                f"addons.kube_proxy is {self.addons.kube_proxy}, but version is {self.version!r}: give one that begins "
                f"with v{self.version}., of those that `aws eks describe-addon-versions --addon-name kube-proxy` lists"
            )
        return self

    @model_validator(mode="after")
    def _nobody_is_there_twice(self) -> Self:
        everyone = [*self.administrators, *self.viewers]
        if repeated := sorted({each for each in everyone if everyone.count(each) > 1}):
            raise ValueError(f"{repeated[0]} is there twice, in administrators or viewers: keep one of them")
        return self
