"""Contracts pass through a StackReference: to plain JSON and back, unchanged."""

import ast
import dataclasses
import inspect
import json
import types
import typing
from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args, get_origin

import pytest
from pydantic import TypeAdapter

from modules.core import contracts

from .layers_test import sources

CONTRACTS = [cls for _, cls in inspect.getmembers(contracts, inspect.isclass) if cls.__module__ == contracts.__name__]


def names_of(contract: Any) -> list[str]:
    return [field.name for field in dataclasses.fields(contract)]


def sample(kind: Any) -> Any:
    """Some value of a field's type."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Literal:
        return arguments[0]
    if origin is Mapping:
        return {sample(arguments[0]): sample(arguments[1])}
    if origin is Sequence:
        return [sample(arguments[0])]
    if origin in {types.UnionType, typing.Union}:
        return sample(arguments[0])
    if kind in CONTRACTS:
        hints = typing.get_type_hints(kind)
        return kind(**{name: sample(hints[name]) for name in names_of(kind)})
    values: dict[Any, Any] = {str: "text", int: 7, bool: True, type(None): None, Any: {"nested": ["text"]}}
    return values[kind]


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.__name__)
def test_a_contract_survives_the_way_through_another_stack(contract: type[Any]) -> None:
    made = sample(contract)
    document = json.loads(json.dumps(dataclasses.asdict(made)))
    assert TypeAdapter(contract).validate_python(document) == made


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.__name__)
def test_a_contract_is_frozen_and_given_by_keyword(contract: type[Any]) -> None:
    assert contract.__dataclass_params__.frozen
    assert all(field.kw_only for field in dataclasses.fields(contract))
    assert contract.__doc__


def test_contracts_name_secrets_but_hold_none() -> None:
    names = {name for contract in CONTRACTS for name in names_of(contract)}
    assert not {name for name in names if any(word in name for word in ("password", "token_value", "secret_key"))}


def test_every_field_of_a_contract_is_read_by_somebody() -> None:
    """The landing page gets a served model as a whole."""
    directories = ("modules", "scripts", "stacks", "workloads")
    nodes = (node for path in sources(*directories) for node in ast.walk(ast.parse(path.read_text())))
    read = {node.attr for node in nodes if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load)}
    names = {name for contract in CONTRACTS if contract is not contracts.ServedModel for name in names_of(contract)}
    assert names - read == set()
