"""Container images: their full names in a region. Whether a registry still serves an image is asked at run time."""

from __future__ import annotations

# The account of AWS's Deep Learning Containers in the regions where those of this tier are published; it is AWS's
# own and public. A few younger regions have other accounts.
REGISTRY = "763104351884"
REGIONS = (
    *("us-east-1", "us-east-2", "us-west-1", "us-west-2", "ca-central-1", "sa-east-1"),
    *("eu-west-1", "eu-west-2", "eu-west-3", "eu-central-1", "eu-north-1"),
    *("ap-south-1", "ap-northeast-1", "ap-northeast-2", "ap-southeast-1", "ap-southeast-2"),
)


def uri(image: str, region: str) -> str:
    """Return the full name of ``image`` (repository and tag) in a region's registry.

    Raises
    ------
    SetUpError
        The registry account of the region is not known here.
    """
    from llm_claims.sagemaker.errors import SetUpError

    if region not in REGIONS:
        raise SetUpError(
            f"region {region}: AWS publishes its containers there under an account that this suite does not know; "
            f"use one of {', '.join(REGIONS)}"
        )
    return f"{REGISTRY}.dkr.ecr.{region}.amazonaws.com/{image}"
