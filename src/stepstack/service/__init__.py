"""The Step Functions operations on a store, without HTTP."""

from stepstack.service.service import StepFunctionsService

__all__ = ["StepFunctionsService"]
