"""The HTML page: one file that needs nothing else."""
