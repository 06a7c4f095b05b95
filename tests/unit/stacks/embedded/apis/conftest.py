"""Services with one function behind their APIs."""

from __future__ import annotations

import pytest
from tests.unit.stacks.embedded.apis.requesting import World


@pytest.fixture
def world():
    made = World()
    yield made
    made.services.close()
