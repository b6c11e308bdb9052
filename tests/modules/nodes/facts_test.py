"""The table of instance types, held to what AWS says in its documentation of some of them."""

import pytest

from modules.nodes.aws_instances import COLUMNS, PRICED_ON, TABLE
from modules.nodes.facts import DEVICE_MODELS, MODELS, InstanceType, families, instance_types
from modules.nodes.gpus import MIG_PROFILES, NEURON, NVIDIA_MODELS

BY_NAME = {each.name: each for each in instance_types()}


@pytest.mark.parametrize(
    ("name", "vcpus", "memory_gib", "device", "devices"),
    [
        ("m7i.xlarge", 4, 16, "-", 0),
        ("c7i.xlarge", 4, 8, "-", 0),
        ("r7i.xlarge", 4, 32, "-", 0),
        ("g4dn.xlarge", 4, 16, "t4", 1),
        ("g5.12xlarge", 48, 192, "a10g", 4),
        ("g6.48xlarge", 192, 768, "l4", 8),
        ("g6e.xlarge", 4, 32, "l40s", 1),
        ("p4d.24xlarge", 96, 1152, "a100-40gb", 8),
        ("p4de.24xlarge", 96, 1152, "a100-80gb", 8),
        ("p5.48xlarge", 192, 2048, "h100", 8),
        ("p5en.48xlarge", 192, 2048, "h200", 8),
        ("p6-b200.48xlarge", 192, 2048, "b200", 8),
        ("trn1.32xlarge", 128, 512, "trainium", 16),
        ("inf2.48xlarge", 192, 768, "inferentia2", 12),
    ],
)
def test_a_type_has_the_size_and_the_accelerators_that_it_is_documented_with(
    name: str, vcpus: int, memory_gib: int, device: str, devices: int
) -> None:
    found = BY_NAME[name]
    assert (found.vcpus, found.memory_mib, found.device, found.devices) == (vcpus, memory_gib * 1024, device, devices)


def test_every_line_has_every_column_and_each_type_is_there_once() -> None:
    lines = [line.split(" ") for line in TABLE.split("\n") if line]
    assert {len(line) for line in lines} == {len(COLUMNS.split(" "))}
    assert len({line[0] for line in lines}) == len(lines) == len(BY_NAME) > 150


def test_prices_are_of_a_day_and_only_what_is_not_sold_there_has_none() -> None:
    assert len(PRICED_ON.split("-")) == 3
    assert [each.name for each in instance_types() if each.price is None] == ["p5e.48xlarge"]
    assert BY_NAME["p5.48xlarge"].price == 55.04
    assert all(each.price is None or 0.01 < each.price < 200 for each in instance_types())


def test_types_are_in_the_order_of_their_price() -> None:
    prices = [each.price for each in instance_types() if each.price is not None]
    assert prices == sorted(prices)
    assert instance_types()[-1].price is None


def test_every_model_is_offered_and_has_a_memory() -> None:
    assert {each.device for each in instance_types()} == {"-", *MODELS}
    assert set(DEVICE_MODELS.values()) == set(MODELS) == {*NVIDIA_MODELS, *NEURON}
    assert all((each.devices > 0) == (each.device_memory_mib > 0) == (each.device != "-") for each in instance_types())


def test_families_with_and_without_accelerators_are_there() -> None:
    assert {"t3", "m7i", "c7i", "r7i", "g4dn", "g5", "g6", "g6e", "p4d", "p4de", "p5", "p5e", "p5en"} <= set(families())


def test_what_trains_over_several_nodes_has_the_network_for_it() -> None:
    assert BY_NAME["p5.48xlarge"].efa == 32
    assert BY_NAME["g5.xlarge"].efa == 0


def test_a_profile_divides_no_gpu_into_more_memory_than_it_has() -> None:
    def most(model: str) -> InstanceType:
        return next(each for each in instance_types() if each.device == model)

    for model, profiles in MIG_PROFILES.items():
        for profile, instances in profiles.items():
            compute, memory = (int("".join(filter(str.isdigit, part))) for part in profile.split("."))
            assert instances * compute <= 7, (model, profile)
            assert instances * memory <= most(model).device_memory_mib / 1000, (model, profile)
