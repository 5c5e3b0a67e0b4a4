"""Showing verdicts: terminal, JSON, HTML."""
