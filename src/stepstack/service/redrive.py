"""RedriveExecution: takes an execution up again where it failed.

Called by `stepstack.service.service`. The execution is made anew from its history, and goes on in the state that had failed.
Source: AWS's API reference.
"""

from __future__ import annotations

from stepstack.errors import ServiceError
from stepstack.service.account import Account, Params, Result, wire_time
from stepstack.service.executions import Executions

__all__ = ["Redrive"]


class Redrive:
    def __init__(self, account: Account, executions: Executions) -> None:
        self._account = account
        self._executions = executions

    def redrive(self, params: Params) -> Result:
        record = self._account.find_execution(params["executionArn"])
        token = params.get("clientToken")
        if token is not None and token in record.redrive_tokens and record.redriven_at is not None:
            return {"redriveDate": wire_time(record.redriven_at)}
        status, reason = self._executions.redrive_status(record)
        if status != "REDRIVABLE":
            why = reason or "Execution can be redriven by its Map Run alone"
            raise ServiceError("ExecutionNotRedrivable", f"Execution Not Redrivable: '{why}'")
        execution = self._executions.restored(record).execution
        try:
            execution.redrive()
        except ValueError as error:
            record.execution = None
            raise ServiceError("ExecutionNotRedrivable", f"Execution Not Redrivable: '{error}'") from error
        record.take_up(execution)
        if token is not None:
            record.redrive_tokens.add(token)
        self._account.journal.execution(record)
        return {"redriveDate": wire_time(record.redriven_at or self._account.now())}
