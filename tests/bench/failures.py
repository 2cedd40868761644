"""What ends a benchmark early."""


class BenchFailed(Exception):
    """The benchmark cannot go on, or the books are wrong, in which case speed is of no interest; the text says why."""
