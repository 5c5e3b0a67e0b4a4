"""The suite: what the 2023 write-up claims, one file a theme."""
