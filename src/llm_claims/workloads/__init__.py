"""The code that does the work, each program in a process of its own; they know nothing of pytest."""
