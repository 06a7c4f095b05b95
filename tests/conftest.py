"""What every test folder shares."""

from __future__ import annotations

import pytest
from _pytest.pytester import SysModulesSnapshot
from hypothesis import settings

pytest_plugins = ["pytester"]

# A machine under load is no fault: no test asserts how long something takes.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")


@pytest.fixture(autouse=True)
def _modules_of_inner_runs_stay(monkeypatch):
    """What a run of pytest within this process imports stays imported, as in any process; only its own test files go.

    pytester would forget it all. moto's modules would then be imported twice, and those that hold on to the first copy would look for a
    table in another place than those that hold on to the second.
    """
    monkeypatch.setattr(
        pytest.Pytester,
        "_Pytester__take_sys_modules_snapshot",
        lambda _self: SysModulesSnapshot(preserve=lambda name: not name.startswith(("test_", "conftest"))),
    )
