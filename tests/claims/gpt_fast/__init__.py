"""What the README of gpt-fast claims."""
