"""Functions that a benchmark has timed: a kind of workload that is imported, and never run here."""
