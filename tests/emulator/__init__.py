"""SageMaker on one machine: jobs and endpoints really run, as processes here. `python -m tests.emulator` starts it.

What it shows: the order of calls, what is parsed, what is cleaned up, how faults are met. What it cannot show: speed,
EFA, memory of an accelerator. Nothing measured through it is evidence for a claim.
"""
