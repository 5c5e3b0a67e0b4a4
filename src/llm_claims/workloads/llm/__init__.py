"""What the kinds of workload that run language models share: shapes, precisions, devices, ranks."""
