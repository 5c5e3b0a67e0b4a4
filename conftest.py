"""Fixtures for every test of this project: pytester runs pytest inside a test."""

pytest_plugins = ["pytester", "tests.emulator.plugin"]
