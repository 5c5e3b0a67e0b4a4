"""The kind of workload `Generation`: fields, metrics, defaults, and the program that serves models."""
