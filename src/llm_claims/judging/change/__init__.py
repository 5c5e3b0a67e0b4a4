"""Has a figure changed since last night? An online detector that keeps a stated rate of false alarms.

Nothing that pytest collects may import this package: it loads numpy and scipy.
"""

from llm_claims.judging.change.detector import Change, ChangeDetector

__all__ = ["Change", "ChangeDetector"]
