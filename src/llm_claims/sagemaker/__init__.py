"""AWS: what is launched, and that none of it is left."""
