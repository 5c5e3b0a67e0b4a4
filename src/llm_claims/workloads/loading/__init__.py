"""The kind of workload `Loading`: fields, metrics, defaults, and the program that loads models."""
