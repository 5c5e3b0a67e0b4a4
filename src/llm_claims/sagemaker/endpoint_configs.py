"""Endpoint configurations: which model an endpoint serves, and on what machine."""

from __future__ import annotations

from collections.abc import Iterator

from llm_claims.sagemaker.calls import create_once, if_exists
from llm_claims.sagemaker.in_service import VARIANT
from llm_claims.sagemaker.listing import list_named, tag_list
from llm_claims.sagemaker.names import RunId
from llm_claims.sagemaker.resources import Found, Resources
from llm_claims.sagemaker.specs import EndpointSpec


class EndpointConfigs(Resources):
    """The account's endpoint configurations. They are not billed."""

    type = "endpoint config"

    def create(self, run: RunId, name: str, spec: EndpointSpec) -> None:
        """Create the configuration of an endpoint that serves the model of the same name on one machine.

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
        create_once(
            self._account,
            f"creating endpoint config {name}",
            lambda: client.create_endpoint_config(
                EndpointConfigName=name, ProductionVariants=[variant], Tags=tag_list(self._account, run)
            ),
            lambda: self.exists(name),
        )

    def listed(self, run: RunId | None) -> Iterator[Found]:
        """List the configurations of one run, or of any run."""
        return list_named(self._account, "list_endpoint_configs", "EndpointConfigs", "EndpointConfigName", run)

    def exists(self, name: str) -> bool:
        """Whether a configuration of this name exists."""
        client = self._account.client("sagemaker")
        return if_exists(lambda: client.describe_endpoint_config(EndpointConfigName=name)) is not None

    def remove(self, name: str) -> None:
        """Delete a configuration."""
        if_exists(lambda: self._account.client("sagemaker").delete_endpoint_config(EndpointConfigName=name))
