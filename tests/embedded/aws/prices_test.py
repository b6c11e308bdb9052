"""What the emulated account says of prices."""

import json
from io import BytesIO
from typing import Any

from embedded.aws.prices import TARGET, Prices


def ask(target: str) -> bytes:
    def account(_: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return [b"the account's own"]

    def started(*_: object) -> None:
        pass

    environ: dict[str, Any] = {"wsgi.input": BytesIO(b"{}"), "CONTENT_LENGTH": "2", "HTTP_X_AMZ_TARGET": target}
    return b"".join(Prices(account, {"m7i.large": 0.1008})(environ, started))


def test_products_are_instance_types_with_their_price_of_an_hour() -> None:
    (text,) = json.loads(ask(TARGET))["PriceList"]
    product = json.loads(text)
    assert product["product"]["attributes"]["instanceType"] == "m7i.large"
    (term,) = product["terms"]["OnDemand"].values()
    (dimension,) = term["priceDimensions"].values()
    assert float(dimension["pricePerUnit"]["USD"]) == 0.1008


def test_what_is_no_question_for_prices_goes_to_the_account() -> None:
    assert ask("AmazonSSM.GetParameter") == b"the account's own"
