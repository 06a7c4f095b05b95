"""RedriveExecution: takes an execution up again where it failed.

Called by `stepstack.service.service`; the interpreter goes on in the state that had failed. Source: AWS's API reference.
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
        execution = record.redrivable
        if status != "REDRIVABLE" or execution is None:
            why = reason or ("Execution can be redriven by its Map Run alone" if record.map_run_arn else "Execution cannot be redriven")
            raise ServiceError("ExecutionNotRedrivable", f"Execution Not Redrivable: '{why}'")
        try:
            execution.redrive()
        except ValueError as error:
            raise ServiceError("ExecutionNotRedrivable", f"Execution Not Redrivable: '{error}'") from error
        record.execution, record.redrivable = execution, None
        record.error = record.cause = record.stopped_at = None
        record.redrive_count, record.redriven_at = execution.redrive_count, execution.redriven_at
        if token is not None:
            record.redrive_tokens.add(token)
        self._account.journal.execution_started(record)
        return {"redriveDate": wire_time(record.redriven_at or self._account.now())}
