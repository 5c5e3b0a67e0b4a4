from __future__ import annotations

import pytest

from llm_claims.sagemaker.errors import SetUpError
from llm_claims.sagemaker.images import image_address


def test_an_image_is_in_its_regions_registry() -> None:
    assert (
        image_address("djl-inference:1", "us-west-2") == "763104351884.dkr.ecr.us-west-2.amazonaws.com/djl-inference:1"
    )


def test_a_region_with_another_account_is_told() -> None:
    with pytest.raises(SetUpError, match="region me-south-1: AWS publishes its containers there under an account"):
        image_address("djl-inference:1", "me-south-1")
