"""One module a benchmark; each has ``run``, which measures and reports."""
