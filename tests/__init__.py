"""The tests of this project, and the emulated SageMaker that some of them use."""
