"""What readers of other programs' logs and results have in common; the readers lie with their kinds of workload."""
