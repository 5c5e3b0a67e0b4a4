"""Importers: logs and results of other programs become evidence. One reader a file, one file a format."""
