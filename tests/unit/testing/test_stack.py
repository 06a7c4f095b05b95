"""What a stack opens, and how it is closed."""

from __future__ import annotations

import pytest

from stepstack.errors import StackError
from stepstack.testing import Stack


def test_what_fails_to_close_keeps_nothing_else_open():
    closed = []

    def stick():
        raise StackError("it sticks")

    stack = Stack("endpoints", {}, closers=(lambda: closed.append("first"), stick, lambda: closed.append("last")))
    with pytest.raises(StackError, match="it sticks"):
        stack.close()
    assert closed == ["first", "last"]
    stack.close()
    assert closed == ["first", "last"]
