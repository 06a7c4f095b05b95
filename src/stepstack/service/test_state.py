"""TestState: one state, run by itself."""

from __future__ import annotations

from stepstack.errors import ServiceError
from stepstack.interpreter.ports import Environment
from stepstack.service.account import Account, Params, Result

__all__ = ["TestStates"]


class TestStates:
    def __init__(self, account: Account, environment: Environment) -> None:
        self._account = account
        self._environment = environment

    async def test(self, params: Params) -> Result:
        raise ServiceError("UnknownOperationException", "TestState")
