"""What machines cost, from the dated table of instance types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from llm_claims.document.instances import InstanceTable
from llm_claims.sagemaker.account import Account


@dataclass(frozen=True)
class Prices:
    """Dollars an hour; ``live`` are prices asked for now, which go before those of the table.

    What an emulator runs is ``free``.
    """

    table: InstanceTable
    live: Mapping[str, float] = field(default_factory=dict)
    free: bool = False

    def usd(self, instance: str, count: int, seconds: float) -> float:
        """Dollars for ``count`` machines over ``seconds``."""
        if self.free:
            return 0.0
        bare = instance.removeprefix("ml.")
        hourly = self.live.get(bare, self.table[bare].usd_per_hour)
        return hourly * count * seconds / 3600

    @property
    def told(self) -> str:
        """Where the prices are from, in words."""
        if self.free:
            return "an emulator costs nothing"
        asked = f"; asked for now: {', '.join(sorted(self.live))}" if self.live else ""
        return f"on-demand prices in us-east-1 of {self.table.dated}{asked}"


def live_prices(account: Account, instances: tuple[str, ...]) -> dict[str, float]:
    """Ask AWS's price list for the hosting price of each instance type in the account's region.

    A type that the list does not tell is left out.

    Raises
    ------
    SetUpError
        The price list cannot be asked.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    from llm_claims.sagemaker.errors import SetUpError
    from llm_claims.sagemaker.scrub import scrub

    try:
        client = account.client("pricing")
        return {bare: usd for bare in instances if (usd := _hosting_price(client, account.region, bare)) is not None}
    except (BotoCoreError, ClientError) as error:
        raise SetUpError(f"the price list cannot be asked: {scrub(str(error))}; leave --live-prices out") from None


def _hosting_price(client: object, region: str, bare: str) -> float | None:
    import json

    fields = {"instanceName": f"ml.{bare}", "regionCode": region, "component": "Hosting"}
    filters = [{"Type": "TERM_MATCH", "Field": name, "Value": value} for name, value in fields.items()]
    answer = client.get_products(ServiceCode="AmazonSageMaker", Filters=filters)  # type: ignore[attr-defined]
    for product in map(json.loads, answer["PriceList"]):
        for term in product.get("terms", {}).get("OnDemand", {}).values():
            for dimension in term["priceDimensions"].values():
                return float(dimension["pricePerUnit"]["USD"])
    return None
