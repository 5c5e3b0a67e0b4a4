"""What kinds of workload share that run language models: shapes, precisions, devices."""
