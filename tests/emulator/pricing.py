"""`GetProducts`: prices in the shape of AWS's price list. The figures are examples, not to plan with."""

from __future__ import annotations

import json
from typing import Any

from tests.emulator.listing import cut

# Dollars per hour on demand in us-east-1, rounded.
HOURLY = {
    "ml.m5.large": 0.115,
    "ml.m5.xlarge": 0.23,
    "ml.g4dn.xlarge": 0.7364,
    "ml.g4dn.2xlarge": 0.94,
    "ml.g5.xlarge": 1.4084,
    "ml.g5.2xlarge": 1.515,
    "ml.g5.12xlarge": 7.09,
    "ml.g5.48xlarge": 20.36,
    "ml.p4d.24xlarge": 25.25,
}
_PARTS = {"Training": "Train", "Hosting": "Host"}


def get_products(params: dict[str, Any]) -> dict[str, Any]:
    """Products of AmazonSageMaker that meet every TERM_MATCH filter."""
    rows = (
        [_product(name, part) for name in HOURLY for part in _PARTS]
        if params["ServiceCode"] == "AmazonSageMaker"
        else []
    )
    wanted = {row["Field"]: row["Value"] for row in params.get("Filters", [])}
    kept = [row for row in rows if all(_facts(row).get(field) == value for field, value in wanted.items())]
    return {
        "FormatVersion": "aws_v1",
        **cut([json.dumps(row) for row in kept], {"MaxResults": 100, **params}, "PriceList"),
    }


def _facts(row: dict[str, Any]) -> dict[str, str]:
    return {
        "ServiceCode": "AmazonSageMaker",
        "productFamily": row["product"]["productFamily"],
        **row["product"]["attributes"],
    }


def _product(name: str, part: str) -> dict[str, Any]:
    attributes = {
        "servicecode": "AmazonSageMaker",
        "regionCode": "us-east-1",
        "location": "US East (N. Virginia)",
        "instanceName": name,
        "instanceType": f"{name}-{part}",
        "component": part,
        "usagetype": f"USE1-{_PARTS[part]}:{name}",
        "platoinstancetype": part,
    }
    price = {"unit": "Hrs", "pricePerUnit": {"USD": f"{HOURLY[name]:.10f}"}, "description": f"${HOURLY[name]} per hour"}
    terms = {
        "OnDemand": {
            f"{name}.{part}": {
                "priceDimensions": {f"{name}.{part}.hour": price},
                "effectiveDate": "2026-06-01T00:00:00Z",
            }
        }
    }
    return {
        "product": {"productFamily": "ML Instance", "sku": f"{name}.{part}", "attributes": attributes},
        "serviceCode": "AmazonSageMaker",
        "terms": terms,
        "publicationDate": "2026-06-18T00:00:00Z",
    }
