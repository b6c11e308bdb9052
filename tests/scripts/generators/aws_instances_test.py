"""How the table of instance types is made from its sources."""

from typing import Any

import pytest

from scripts.generators.aws_instances import parse_prices, render, row

PRICES = """
// generated at 2026-07-20T13:44:30Z for us-east-1
	"us-east-1": {
		// m7i family
		"m7i.large": 0.100800, "m7i.metal-24xl": 5.000000,
	},
	"eu-west-1": {
		"m7i.large": 0.200000,
	},
"""


def described(vcpus: int, memory: int, **others: Any) -> dict[str, Any]:
    return {
        "VCpuInfo": {"DefaultVCpus": vcpus},
        "MemoryInfo": {"SizeInMiB": memory},
        "ProcessorInfo": {"SupportedArchitectures": ["x86_64"]},
        "NetworkInfo": {},
        "BareMetal": False,
        **others,
    }


GPU = described(
    4,
    16384,
    GpuInfo={"Gpus": [{"Name": "A10G", "Count": 1, "MemoryInfo": {"SizeInMiB": 22888}}]},
    NetworkInfo={"EfaInfo": {"MaximumEfaInterfaces": 2}},
    InstanceStorageInfo={"TotalSizeInGB": 250},
)


def test_a_type_is_a_line() -> None:
    assert row("m7i.large", described(2, 8192), 0.1008) == "m7i.large 2 8192 amd64 - 0 0 0 0 0.1008"
    assert row("g5.xlarge", GPU, None) == "g5.xlarge 4 16384 amd64 a10g 1 22888 2 250 -"


def test_an_accelerator_that_has_no_name_here_ends_it() -> None:
    unknown = described(4, 16384, GpuInfo={"Gpus": [{"Name": "X1", "Count": 1, "MemoryInfo": {"SizeInMiB": 1}}]})
    with pytest.raises(KeyError, match="X1"):
        row("x1.large", unknown, 1.0)


def test_prices_are_those_of_one_region() -> None:
    prices = parse_prices(PRICES)
    assert prices.by_type == {"m7i.large": 0.1008, "m7i.metal-24xl": 5.0}
    assert prices.date == "2026-07-20"


def test_bare_metal_small_types_and_other_families_are_left_out() -> None:
    types = {
        "m7i.large": described(2, 8192),
        "m7i.metal-24xl": described(96, 393216, BareMetal=True),
        "m7i.tiny": described(1, 2048),
        "x9.large": described(2, 8192),
        "t3.large": described(2, 8192),
    }
    made: dict[str, Any] = {}
    exec(render(types, parse_prices(PRICES)), made)
    assert made["TABLE"] == "\nt3.large 2 8192 amd64 - 0 0 0 0 -\nm7i.large 2 8192 amd64 - 0 0 0 0 0.1008\n"
    assert made["PRICED_ON"] == "2026-07-20"
