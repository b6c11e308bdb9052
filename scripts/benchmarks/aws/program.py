"""The platform's own program, of an example's settings, as `scripts/bench aws` runs it: the cluster's API is another
one, and no image was built."""

import os
from pathlib import Path

import pulumi

from modules.core import images, releases
from modules.core.yaml_files import read_yaml
from stacks.foundation import aws_kubeconfig

FOLDER = Path(os.environ["GROUNDWORK_BENCH"])


def kubeconfig(*_: object) -> str:
    return (FOLDER / "kubeconfig").read_text()


images.lock_file = lambda environment: FOLDER / f"images.{environment}.yaml"
releases.release_file = lambda environment: FOLDER / f"releases.{environment}.yaml"
aws_kubeconfig.kubeconfig = kubeconfig

from stacks.compose import build  # noqa: E402  what it imports takes the functions above
from stacks.configuration import parse  # noqa: E402

settings = parse(read_yaml((FOLDER / "settings.yaml").read_text(), source="settings")["config"], source="settings")
for key, value in build(settings, settings.foundation.environment(pulumi.get_stack())).items():
    pulumi.export(key, value)
