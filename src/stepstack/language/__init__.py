"""Definition text to a frozen `StateMachine`, every expression compiled, or to every diagnostic at once."""

from stepstack.language.diagnostics import Diagnostic, Severity
from stepstack.language.parser import diagnose, parse, parse_state
from stepstack.language.state_machine import State, StateMachine

__all__ = ["Diagnostic", "Severity", "State", "StateMachine", "diagnose", "parse", "parse_state"]
