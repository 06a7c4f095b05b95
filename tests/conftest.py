"""What every test folder shares."""

from __future__ import annotations

import os

import pytest
from _pytest.pytester import SysModulesSnapshot
from hypothesis import settings

from stepstack.stacks.sdk_variables import NO_ACCOUNT, past_proxies

pytest_plugins = ["pytester"]

# A machine under load is no fault: no test asserts how long something takes.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")


def pytest_configure(config):
    """Whoever runs the tests may have an account and a proxy: neither is seen by clients of the tests' own and programs that they start."""
    if config.getoption("--stepstack-backend") in {"aws", "endpoints"}:
        return
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(NO_ACCOUNT)
    os.environ.update(past_proxies(os.environ))


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
