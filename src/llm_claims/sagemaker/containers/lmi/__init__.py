"""The files at the root of a model archive for LMI, of either stack."""
