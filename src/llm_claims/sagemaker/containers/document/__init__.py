"""The program for images of 2023, whose Python is too old for the package's own programs."""
