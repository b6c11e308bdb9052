"""AWS's price list, which moto lacks: what instance types cost an hour on demand."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .repeats import drain

TARGET = "AWSPriceListService.GetProducts"


@dataclass
class Prices:
    """A WSGI application around that of the account. It answers every query with all of the list: who asks takes what
    it knows the names of."""

    application: Any
    by_type: Mapping[str, float]
    """US dollars an hour."""

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ.get("HTTP_X_AMZ_TARGET") != TARGET:
            return self.application(environ, start_response)
        drain(environ)
        items = [_item(name, price) for name, price in self.by_type.items()]
        start_response("200 OK", [("Content-Type", "application/x-amz-json-1.1")])
        return [json.dumps({"FormatVersion": "aws_v1", "PriceList": items}).encode()]


def _item(name: str, price: float) -> str:
    """A product as the list has it: a document in a text."""
    dimension = {"unit": "Hrs", "pricePerUnit": {"USD": f"{price:.10f}"}}
    return json.dumps(
        {
            "serviceCode": "AmazonEC2",
            "product": {"attributes": {"instanceType": name}},
            "terms": {"OnDemand": {name: {"priceDimensions": {name: dimension}}}},
        }
    )
