"""Endpoint configurations: which model an endpoint serves, on what machine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from llm_claims.sagemaker.account import Account
from llm_claims.sagemaker.calls import create, looked_up, removed
from llm_claims.sagemaker.in_service import VARIANT
from llm_claims.sagemaker.journal import ResourceKind
from llm_claims.sagemaker.kinds import State
from llm_claims.sagemaker.listing import listed, tag_list
from llm_claims.sagemaker.names import RunId
from llm_claims.sagemaker.specs import EndpointSpec


class EndpointConfigs:
    """Which model an endpoint serves, on what machine."""

    kind: ResourceKind = "endpoint config"

    def __init__(self, account: Account) -> None:
        self._account = account

    def create(self, run: RunId, name: str, spec: EndpointSpec) -> None:
        """Create the configuration of an endpoint with the model of the same name.

        Raises
        ------
        CloudError
            It was not created.
        """
        start_up = min(3600, max(60, spec.start_up_seconds))
        variant = {
            "VariantName": VARIANT,
            "ModelName": name,
            "InitialInstanceCount": 1,
            "InstanceType": spec.instance_type,
            "ModelDataDownloadTimeoutInSeconds": start_up,
            "ContainerStartupHealthCheckTimeoutInSeconds": start_up,
            **({"InferenceAmiVersion": spec.inference_ami} if spec.inference_ami else {}),
        }
        client = self._account.client("sagemaker")
        create(
            self._account,
            f"creating endpoint config {name}",
            lambda: client.create_endpoint_config(
                EndpointConfigName=name, ProductionVariants=[variant], Tags=tag_list(self._account, run)
            ),
            lambda: self.state(name) != "gone",
        )

    def names(self, run: RunId | None) -> Iterator[str]:
        """Of one run, or of any."""
        return listed(self._account, "list_endpoint_configs", "EndpointConfigs", "EndpointConfigName", run)

    def tagged(self, run: RunId | None) -> Iterable[tuple[str, str]]:
        """Nothing: SageMaker's search does not know configurations."""
        return ()

    def state(self, name: str) -> State:
        """Whether it is there."""
        client = self._account.client("sagemaker")
        found = looked_up(lambda: client.describe_endpoint_config(EndpointConfigName=name))
        return "gone" if found is None else "there"

    def remove(self, name: str) -> None:
        """Delete it."""
        removed(lambda: self._account.client("sagemaker").delete_endpoint_config(EndpointConfigName=name))
