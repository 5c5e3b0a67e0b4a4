"""What was measured: series, quantities, evidence and recordings."""
