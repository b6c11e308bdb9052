"""How Karpenter's definitions are made from its module."""

import json

from scripts.generators.karpenter_crds import render

DEFINITION = """
metadata: {name: pools.example.org}
spec:
  group: example.org
  versions:
    - schema:
        description: Of people.
        properties:
          description: {type: string, description: A text.}
          size: {type: integer, description: How many.}
"""


def test_texts_for_people_are_left_out_and_a_property_of_that_name_stays() -> None:
    (version,) = json.loads(render([DEFINITION]))["pools.example.org"]["versions"]
    assert version["schema"] == {"properties": {"description": {"type": "string"}, "size": {"type": "integer"}}}


def test_definitions_stand_in_the_order_of_their_names() -> None:
    other = DEFINITION.replace("pools", "claims")
    assert list(json.loads(render([DEFINITION, other]))) == ["claims.example.org", "pools.example.org"]
