"""SageMaker's models: an image and an archive, which an endpoint serves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from llm_claims.sagemaker.account import Account
from llm_claims.sagemaker.calls import create, looked_up, removed
from llm_claims.sagemaker.journal import ResourceKind
from llm_claims.sagemaker.kinds import State
from llm_claims.sagemaker.listing import listed, tag_list
from llm_claims.sagemaker.names import RunId
from llm_claims.sagemaker.specs import EndpointSpec


class Models:
    """SageMaker's models: an image and an archive. They cost nothing, but there may be only so many."""

    kind: ResourceKind = "model"

    def __init__(self, account: Account) -> None:
        self._account = account

    def create(self, run: RunId, name: str, spec: EndpointSpec, archive: str) -> None:
        """Create the model of an endpoint; ``archive`` is its ``s3://`` address.

        Raises
        ------
        CloudError
            It was not created.
        """
        client = self._account.client("sagemaker")
        container = {"Image": spec.image, "ModelDataUrl": archive, "Environment": dict(spec.environment)}
        create(
            self._account,
            f"creating model {name}",
            lambda: client.create_model(
                ModelName=name,
                PrimaryContainer=container,
                ExecutionRoleArn=self._account.role,
                Tags=tag_list(self._account, run),
            ),
            lambda: self.state(name) != "gone",
        )

    def names(self, run: RunId | None) -> Iterator[str]:
        """Of one run, or of any."""
        return listed(self._account, "list_models", "Models", "ModelName", run)

    def tagged(self, run: RunId | None) -> Iterable[tuple[str, str]]:
        """Nothing: they are not billed, and are found by name."""
        return ()

    def state(self, name: str) -> State:
        """Whether it is there."""
        found = looked_up(lambda: self._account.client("sagemaker").describe_model(ModelName=name))
        return "gone" if found is None else "there"

    def remove(self, name: str) -> None:
        """Delete it."""
        removed(lambda: self._account.client("sagemaker").delete_model(ModelName=name))
