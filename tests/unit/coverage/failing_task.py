"""A task that fails as often as a test says."""

from __future__ import annotations


def failing(errors):
    """A task that raises these errors in turn, then succeeds."""
    left = iter(errors)

    def work(_):
        error = next(left, None)
        if error is not None:
            raise type(error, (Exception,), {})
        return {}

    return work
