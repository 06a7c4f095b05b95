"""A test environment for AWS Step Functions and DynamoDB.

`stepstack.run` runs one execution in this process; it and `FinishedExecution` load when they are used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stepstack.in_process import FinishedExecution, run

__all__ = ["FinishedExecution", "__version__", "run"]

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name not in {"FinishedExecution", "run"}:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from stepstack import in_process  # the engine, which importing the package need not load

    return getattr(in_process, name)
