"""What is claimed: the register of claims, settings, instance types and their prices."""
