from sorting import Sorting
from stopwatch import Stopwatch


def pytest_claims_kinds():
    return [Sorting]


def pytest_claims_sources(suite):
    return [Stopwatch()]
