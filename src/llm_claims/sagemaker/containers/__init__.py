"""The code that runs in containers around a program. In Python 3.8 syntax, for the images of 2023."""
