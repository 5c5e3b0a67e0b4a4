"""What the loading program is made of: checkpoints, the cap on memory, the resident server."""
