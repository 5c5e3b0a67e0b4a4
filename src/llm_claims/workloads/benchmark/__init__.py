"""Benchmarks of Python code, as pytest-benchmark measures them."""
