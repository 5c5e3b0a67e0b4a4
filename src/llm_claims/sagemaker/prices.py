"""Prices of machines: from the dated instance table, or from AWS's price list."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from llm_claims.document.instances import InstanceTable
from llm_claims.sagemaker.account import Account
from llm_claims.sagemaker.calls import aws_errors, error_text
from llm_claims.sagemaker.errors import SetUpError
from llm_claims.sagemaker.scrub import scrub

_PRICE_LIST_REGION = "us-east-1"


@dataclass(frozen=True)
class Prices:
    """Prices of machines, in USD.

    ``live`` are hourly prices from AWS's price list, by instance type; they override those of the table. ``free`` makes
    everything cost nothing, as on an emulator.
    """

    table: InstanceTable
    live: Mapping[str, float] = field(default_factory=dict)
    free: bool = False

    def usd(self, instance: str, count: int, seconds: float) -> float:
        """Return the price of ``count`` machines for ``seconds``, in USD."""
        if self.free:
            return 0.0
        bare = instance.removeprefix("ml.")
        hourly = self.live.get(bare, self.table[bare].usd_per_hour)
        return hourly * count * seconds / 3600

    def describe(self) -> str:
        """Say where the prices are from."""
        if self.free:
            return "an emulator costs nothing"
        live = f"; from AWS's price list today: {', '.join(sorted(self.live))}" if self.live else ""
        return f"on-demand prices in us-east-1 of {self.table.dated}{live}"


def live_prices(account: Account, instances: tuple[str, ...]) -> dict[str, float]:
    """Return the price of each instance type in the account's region, in USD an hour, from AWS's price list.

    It is asked in us-east-1, which has the prices of all regions but China's and the government's.

    It is the price of hosting, for jobs as for endpoints. A type that the list does not have is left out.

    Raises
    ------
    SetUpError
        The price list cannot be read.
    """
    try:
        # The price list is in few regions; it has the prices of all.
        client = account.client("pricing", region=_PRICE_LIST_REGION)
        return {bare: usd for bare in instances if (usd := _hosting_price(client, account.region, bare)) is not None}
    except aws_errors() as error:
        raise SetUpError(
            f"AWS's price list cannot be read: {scrub(error_text(error))}. Leave out --live-prices"
        ) from None


def _hosting_price(client: Any, region: str, bare: str) -> float | None:
    fields = {"instanceName": f"ml.{bare}", "regionCode": region, "component": "Hosting"}
    filters = [{"Type": "TERM_MATCH", "Field": name, "Value": value} for name, value in fields.items()]
    answer = client.get_products(ServiceCode="AmazonSageMaker", Filters=filters)
    for product in map(json.loads, answer["PriceList"]):
        for term in product.get("terms", {}).get("OnDemand", {}).values():
            for dimension in term["priceDimensions"].values():
                return float(dimension["pricePerUnit"]["USD"])
    return None
