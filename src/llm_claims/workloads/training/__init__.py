"""The kind of workload `Training`: fields, metrics, defaults, and the program that fine-tunes models."""
