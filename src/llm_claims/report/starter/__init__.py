"""``llm-claims init`` and ``llm-claims add``: a suite to begin with, and a further claim in one."""
