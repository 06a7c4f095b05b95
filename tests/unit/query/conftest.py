"""A scope with data, a Context Object and variables, and JSON for Hypothesis."""

from __future__ import annotations

import pytest

from stepstack.query.scope import Scope


@pytest.fixture
def scope() -> Scope:
    data = {
        "order": {"id": 7, "customer": {"name": "Ada", "tags": ["new", "vip"]}, "note": None},
        "items": [
            {"sku": "a", "price": 5, "stock": 0},
            {"sku": "b", "price": 12.5, "stock": 3, "tags": ["red", "blue"]},
            {"sku": "c", "price": 20, "stock": 1, "tags": []},
        ],
        "numbers": [0, 1, 2, 3, 4],
        "empty": [],
        "strange name": {"it's": 1},
    }
    context = {"Execution": {"Id": "arn:run", "Name": "run", "Input": {"a": 1}}, "State": {"Name": "S"}}
    return Scope(data, context, {"limit": 3, "config": {"url": "u", "ports": [80, 443]}, "nothing": None})
