"""From a claim's test to its verdict: the suite, trials, and what people have accepted."""
