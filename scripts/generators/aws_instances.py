"""modules/nodes/aws_instances.py from its sources: `python -m scripts.generators.aws_instances`.

Needs a package index, a Go module proxy and the toolchain's Go, which `scripts/up` installs.
"""

import gzip
import json
import re
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from modules.core.paths import REPOSITORY
from modules.nodes.facts import DEVICE_MODELS, NONE

from .karpenter_module import MODULE, VERSION, downloaded

# renovate: datasource=pypi depName=moto
MOTO = "5.2.5"
TYPES = "moto/ec2/resources/instance_types.json.gz"
PRICES = "pkg/providers/pricing/zz_generated.pricing_aws.go"
REGION = "us-east-1"
TARGET = REPOSITORY / "modules/nodes/aws_instances.py"

FAMILIES = (
    *("t3", "m6i", "m7i", "m7a", "m7g", "m8g"),
    *("c6i", "c7i", "c7a", "c7g", "c8g"),
    *("r6i", "r7i", "r7a", "r7g", "r8g"),
    *("g4dn", "g5", "g6", "gr6", "g6e", "p4d", "p4de", "p5", "p5e", "p5en", "p6-b200"),
    *("trn1", "trn1n", "inf2"),
)
"""In the order of the table: for services, for much computation, for much memory, with NVIDIA's GPUs, with AWS's own
accelerators. Others are added here, and the table is made again."""
ARCHITECTURES = {"x86_64": "amd64", "arm64": "arm64"}

HEADER = '''"""Facts of AWS's instance types, one a line. Generated: `python -m scripts.generators.aws_instances`.

Shapes: DescribeInstanceTypes as the package moto {moto} has it (Apache-2.0), {types}.
Prices: on demand, US dollars an hour, {region}, {date}, from {module}
{karpenter} (Apache-2.0), {prices}.
"""

PRICED_ON = "{date}"
COLUMNS = "{columns}"
TABLE = """
{rows}
"""
'''


class Prices(NamedTuple):
    """US dollars an hour by instance type, and the day on which AWS asked for them."""

    by_type: Mapping[str, float]
    date: str


COLUMNS = (
    *("type", "vcpus", "memory_mib", "architecture"),
    *("device", "devices", "device_memory_mib", "efa", "nvme_gb", "price"),
)
SMALLEST_MIB = 4096
"""Below it, a node has no room for pods beside those of the system."""


def row(name: str, found: Mapping[str, Any], price: float | None) -> str:
    """Return the line of an instance type as DescribeInstanceTypes returns it. Raise KeyError where its accelerator is
    one that `DEVICE_MODELS` doesn't name."""
    gpus: Sequence[Mapping[str, Any]] = found.get("GpuInfo", {}).get("Gpus", ())
    neurons: Sequence[Mapping[str, Any]] = found.get("NeuronInfo", {}).get("NeuronDevices", ())
    device, count, memory = NONE, 0, 0
    for each in (*gpus, *neurons):
        memory = each["MemoryInfo"]["SizeInMiB"]
        device, count = DEVICE_MODELS[each["Name"], memory], each["Count"]
    (architecture,) = found["ProcessorInfo"]["SupportedArchitectures"][:1]
    values = (
        name,
        found["VCpuInfo"]["DefaultVCpus"],
        found["MemoryInfo"]["SizeInMiB"],
        ARCHITECTURES[architecture],
        device,
        count,
        memory,
        found["NetworkInfo"].get("EfaInfo", {}).get("MaximumEfaInterfaces", 0),
        found.get("InstanceStorageInfo", {}).get("TotalSizeInGB", 0),
        NONE if price is None else price,
    )
    return " ".join(str(value) for value in values)


def parse_prices(source: str) -> Prices:
    """Return the prices of the region from Karpenter's generated Go file."""
    section = source.partition(f'"{REGION}": {{')[2].partition("\n\t},")[0]
    by_type = {name: float(price) for name, price in re.findall(r'"([a-z0-9.-]+)": ([0-9.]+),', section)}
    (date,) = re.findall(r"generated at (\S{10})\S* for " + REGION, source)
    return Prices(by_type, date)


def render(types: Mapping[str, Mapping[str, Any]], prices: Prices) -> str:
    """Return the module: every type of the families that is no bare metal and not too small, by family and size."""
    rows = [
        row(name, types[name], prices.by_type.get(name))
        for family in FAMILIES
        for name in sorted(
            (name for name in types if name.partition(".")[0] == family),
            key=lambda name: (types[name]["VCpuInfo"]["DefaultVCpus"], types[name]["MemoryInfo"]["SizeInMiB"]),
        )
        if not types[name]["BareMetal"] and types[name]["MemoryInfo"]["SizeInMiB"] >= SMALLEST_MIB
    ]
    return HEADER.format(
        moto=MOTO,
        types=TYPES,
        module=MODULE,
        karpenter=VERSION,
        prices=PRICES,
        region=REGION,
        date=prices.date,
        columns=" ".join(COLUMNS),
        rows="\n".join(rows),
    )


def _types(scratch: Path) -> Mapping[str, Mapping[str, Any]]:
    subprocess.run(["uv", "pip", "install", "--target", scratch, "--no-deps", f"moto=={MOTO}"], check=True)
    with gzip.open(scratch / TYPES) as file:
        return json.load(file)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        (scratch / "go").mkdir()
        prices = parse_prices((downloaded(scratch / "go") / PRICES).read_text())
        TARGET.write_text(render(_types(scratch / "python"), prices))


if __name__ == "__main__":
    main()
