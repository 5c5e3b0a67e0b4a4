"""SageMaker's models: an image and an archive, which an endpoint serves."""

from __future__ import annotations

from collections.abc import Iterator

from llm_claims.sagemaker.calls import create_once, if_exists
from llm_claims.sagemaker.listing import list_named, tag_list
from llm_claims.sagemaker.names import RunId
from llm_claims.sagemaker.resources import Found, Resources
from llm_claims.sagemaker.specs import EndpointSpec


class Models(Resources):
    """The account's models. They are not billed, but AWS limits their number."""

    type = "model"

    def create(self, run: RunId, name: str, spec: EndpointSpec, archive: str) -> None:
        """Create the model of an endpoint; ``archive`` is the ``s3://`` address of ``model.tar.gz``.

        Raises
        ------
        CloudError
            It was not created.
        """
        account, client = self._account, self._account.client("sagemaker")
        network = {"Subnets": list(account.subnets), "SecurityGroupIds": list(account.security_groups)}
        container = {"Image": spec.image, "ModelDataUrl": archive, "Environment": dict(spec.environment)}
        create_once(
            account,
            f"creating model {name}",
            lambda: client.create_model(
                ModelName=name,
                PrimaryContainer=container,
                ExecutionRoleArn=account.role,
                Tags=tag_list(account, run),
                **({"VpcConfig": network} if account.subnets else {}),
            ),
            lambda: self.exists(name),
        )

    def listed(self, run: RunId | None) -> Iterator[Found]:
        """List the models of one run, or of any run."""
        return list_named(self._account, "list_models", "Models", "ModelName", run)

    def exists(self, name: str) -> bool:
        """Whether a model of this name exists."""
        return if_exists(lambda: self._account.client("sagemaker").describe_model(ModelName=name)) is not None

    def remove(self, name: str) -> None:
        """Delete a model."""
        if_exists(lambda: self._account.client("sagemaker").delete_model(ModelName=name))
