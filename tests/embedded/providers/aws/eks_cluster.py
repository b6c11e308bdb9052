"""A real cluster of EKS of the account, and the ways into it."""

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stacks.foundation.aws_kubeconfig import kubeconfig

from .conftest import REGION
from .pods import NAMESPACE, namespace, python_pod, stream
from .search import Aws

NAME = "eks-test"
POLICY = "arn:aws:eks::aws:cluster-access-policy/AmazonEKS{}"


@dataclass(frozen=True)
class Eks:
    """A cluster of an account, and the way into it."""

    address: str
    aws: Aws
    cluster: Any
    roles: dict[str, str]
    """ARN by name."""
    tools: Path
    home: Path

    def subnet(self, network: str, zone: str) -> str:
        """Create a subnet of the cluster's VPC. Return its id."""
        vpc = self.cluster["resourcesVpcConfig"]["vpcId"]
        return self.aws("ec2").create_subnet(VpcId=vpc, CidrBlock=network, AvailabilityZone=zone)["Subnet"]["SubnetId"]

    def kubectl(self, role: str, *arguments: str, check: bool = True, text: str = "") -> str:
        """Run kubectl as somebody who has a role. What it prints, or what it complains of. text: its input."""
        session = self.aws("sts").assume_role(RoleArn=self.roles[role], RoleSessionName="test")["Credentials"]
        authority = self.cluster["certificateAuthority"]["data"]
        (self.home / "config").write_text(kubeconfig(NAME, self.cluster["endpoint"], authority, REGION))
        environment = {
            "PATH": f"{self.home}/bin:/usr/bin:/bin",
            "HOME": str(self.home),
            "KUBECONFIG": str(self.home / "config"),
            "AWS_ENDPOINT_URL": self.address,
            "AWS_ACCESS_KEY_ID": session["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": session["SecretAccessKey"],
            "AWS_SESSION_TOKEN": session["SessionToken"],
        }
        asked = [str(self.tools / "kubectl"), *arguments]
        done = subprocess.run(asked, input=text, env=environment, capture_output=True, text=True, check=False)
        assert not check or done.returncode == 0, done.stderr
        return done.stdout if done.returncode == 0 else done.stderr

    def apply(self, *documents: dict[str, Any]) -> None:
        self.kubectl("deployer", "apply", "-f", "-", text=stream(*documents))

    def add(self, addon: str, **other: Any) -> None:
        """Have an add-on, and wait until it runs."""
        self.aws("eks").create_addon(clusterName=NAME, addonName=addon, **other)
        waiter: Any = self.aws("eks").get_waiter("addon_active")
        waiter.wait(clusterName=NAME, addonName=addon, WaiterConfig={"Delay": 1, "MaxAttempts": 300})

    def python(self, name: str, program: str, **other: str) -> str:
        """Run a program in a pod, once there are name servers. Return what it prints, to its end."""
        where = ("-n", "kube-system", "deployment", "coredns", "-o", "jsonpath={..image}")
        self.apply(namespace(), python_pod(name, self.kubectl("deployer", "get", *where), program, **other))
        of = ("-n", NAMESPACE)
        done = "--for=jsonpath={.status.phase}=Succeeded"
        waited = self.kubectl("deployer", *of, "wait", done, f"pod/{name}", "--timeout=120s", check=False)
        said = self.kubectl("deployer", *of, "logs", name, check=False)
        assert "condition met" in waited, said + self.kubectl("deployer", *of, "describe", "pod", name)
        return said.strip()


def allow(eks: Eks, role: str, policy: str) -> None:
    eks.aws("eks").associate_access_policy(
        clusterName=NAME,
        principalArn=eks.roles[role],
        policyArn=POLICY.format(policy),
        accessScope={"type": "cluster"},
    )


def add_group(eks: Eks, name: str, size: int, **other: Any) -> None:
    eks.aws("eks").create_nodegroup(
        clusterName=NAME,
        nodegroupName=name,
        nodeRole=eks.roles["worker"],
        subnets=eks.cluster["resourcesVpcConfig"]["subnetIds"],
        scalingConfig={"minSize": 0, "desiredSize": size, "maxSize": 3},
        **other,
    )
