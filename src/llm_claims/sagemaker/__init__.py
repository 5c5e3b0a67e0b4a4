"""The SageMaker source: launches jobs and endpoints on AWS, and removes them."""
