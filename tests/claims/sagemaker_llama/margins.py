"""Margins, each derived from the document itself.

The document calls some pairs "similar" and others "larger" or "longer", without figures. What it
calls similar must then differ by less than the least difference that it calls one: that of 4.62 s
against 5.25 s (section B, runs A and B, tip A).
"""

LEAST_NAMED_DIFFERENCE = 5.25 / 4.62 - 1
"""Relative, 13.6%: the margin of every "similar", "the same" and "a little" of the document."""

REPEATED_RATE = 0.03
"""Relative: tqdm's rate is an exponential average of recent steps (smoothing 0.3), so over a whole run it
agrees with the runtime only as far as the last steps resemble all steps. The bound is the document's own
repeatability: the one configuration that it timed twice gave 5.25 s and 5.1 s."""
