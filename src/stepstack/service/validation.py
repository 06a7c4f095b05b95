"""ValidateStateMachineDefinition: every problem of a definition, without creating anything.

Called by `stepstack.service.service`; the language does the work. Source: recorded answers of AWS.
"""

from __future__ import annotations

import functools

from stepstack.language import diagnose
from stepstack.language.diagnostics import Diagnostic, Severity
from stepstack.service.account import Account, Params, Result
from stepstack.service.large_definitions import read_ahead

__all__ = ["Validation"]

DEFAULT_RESULTS = 100


class Validation:
    def __init__(self, account: Account) -> None:
        self._account = account

    async def validate(self, params: Params) -> Result:
        definition, kind = params["definition"], params.get("type", "STANDARD")
        read = await read_ahead(definition, functools.partial(diagnose, definition, catalog=self._account.catalog, machine_type=kind))
        found = read()
        told = [diagnostic for diagnostic in found if not diagnostic.beyond_aws]
        is_ok = all(diagnostic.severity is not Severity.ERROR for diagnostic in told)
        if params.get("severity", "ERROR") == "ERROR":
            told = [diagnostic for diagnostic in told if diagnostic.severity is Severity.ERROR]
        limit = params.get("maxResults") or DEFAULT_RESULTS
        return {
            "result": "OK" if is_ok else "FAIL",
            "diagnostics": [_wire_diagnostic(diagnostic) for diagnostic in told[:limit]],
            "truncated": len(told) > limit,
        }


def _wire_diagnostic(diagnostic: Diagnostic) -> dict[str, str]:
    result = {"severity": diagnostic.severity.value, "code": diagnostic.code, "message": diagnostic.message}
    if diagnostic.location is not None:
        result["location"] = diagnostic.location
    return result
