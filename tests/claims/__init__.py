"""The suite: what each document claims, in a folder of its own."""
