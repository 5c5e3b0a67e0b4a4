"""The files at the root of the model archive that LMI, AWS's Large Model Inference container, loads."""
