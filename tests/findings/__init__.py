"""docs/findings.md and its plots, made from the verdicts on every recording: `make findings`."""
