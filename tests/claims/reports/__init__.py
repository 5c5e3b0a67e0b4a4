"""What public bug reports claim."""
