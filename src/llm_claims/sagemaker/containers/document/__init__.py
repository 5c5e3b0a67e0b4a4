"""The program for the images of 2023, whose Python is too old for the programs of `llm_claims.workloads`."""
