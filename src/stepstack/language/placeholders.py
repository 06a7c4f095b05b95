"""Definitions that are templates still: `${Function}` where SAM, CDK or Terraform puts something before AWS sees it.

Called by `stepstack validate` and the other commands that read definitions. What a placeholder hides is not judged, everything around it
is: a Resource that is one, or an ARN with some in it, gets stand-ins. Where nothing can be judged before it is filled in, one error names
it. It leaves out filling placeholders in: the templates' own readers do that. AWS itself knows no placeholders, and refuses them in its
words for what they make unreadable.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from stepstack.language.diagnostics import Diagnostic
from stepstack.language.parser import diagnose
from stepstack.language.resources import ResourceCatalog
from stepstack.language.transitions import Graph, graphs_inside

__all__ = ["diagnose_template", "unfilled_resources", "with_stand_ins"]

UNFILLED: Final = "UNFILLED_PLACEHOLDER"

_PLACEHOLDER: Final = re.compile(r"\$\{[^{}\"]*\}")
_RESOURCE: Final = re.compile(r'("Resource"\s*:\s*")([^"\\\n]*)(?=")')
_FUNCTION: Final = re.compile(r"\$\{[^{}\"]*\}(?::[^:]*)?")
"""A whole ARN, with an alias or a version behind it or without."""
_STAND_IN: Final = "Placeholder"
_FUNCTION_STAND_IN: Final = f"arn:aws:lambda:us-east-1:123456789012:function:{_STAND_IN}"
_ABOUT_THE_ARN: Final = ("Value is not a valid resource ARN", "The resource provided ", "The field 'Resource' does not match")
"""How messages begin that say nothing while a part of the ARN is not known."""


def diagnose_template(definition: str, *, catalog: ResourceCatalog | None = None, machine_type: str = "STANDARD") -> list[Diagnostic]:
    """Everything wrong with `definition`, or doubtful, beyond AWS too, as far as its placeholders let it be known."""
    found = diagnose(with_stand_ins(definition), catalog=catalog, machine_type=machine_type, hints=True)
    if _PLACEHOLDER.search(definition) is None:
        return found
    try:
        resources = _resources_with_placeholders(json.loads(definition))
    except (ValueError, RecursionError) as error:
        return [_of_no_json(diagnostic, definition, error) for diagnostic in found]
    return [_of_resource(diagnostic, resources) for diagnostic in found]


def with_stand_ins(definition: str) -> str:
    """`definition` with something callable in place of each Resource that is a placeholder, such as to be drawn."""
    return _RESOURCE.sub(_with_stand_in, definition)


def unfilled_resources(definition: str) -> list[str]:
    """The placeholders in Resources, each once: `${Charge}`."""
    return list(dict.fromkeys(name for found in _RESOURCE.finditer(definition) for name in _PLACEHOLDER.findall(found[2])))


def _with_stand_in(found: re.Match[str]) -> str:
    return found[1] + _filled(found[2])


def _filled(resource: str) -> str:
    if _FUNCTION.fullmatch(resource):
        return _FUNCTION_STAND_IN
    return _PLACEHOLDER.sub(_STAND_IN, resource)


def _of_no_json(diagnostic: Diagnostic, definition: str, error: Exception) -> Diagnostic:
    """The diagnostic, about the placeholder where one is what makes the text no JSON."""
    found = _PLACEHOLDER.match(definition, error.pos) if isinstance(error, json.JSONDecodeError) else None
    if found is None:
        return diagnostic
    message = f"'{found[0]}' is not filled in: the definition is no JSON before it is"
    return replace(diagnostic, code=UNFILLED, message=message, beyond_aws=True)


def _of_resource(diagnostic: Diagnostic, resources: Mapping[str, str]) -> Diagnostic:
    resource = resources.get(diagnostic.location or "")
    if resource is None:
        return diagnostic
    if not diagnostic.message.startswith(_ABOUT_THE_ARN):
        return replace(diagnostic, message=diagnostic.message.replace(_filled(resource), resource))
    names = " and ".join(f"'{name}'" for name in dict.fromkeys(_PLACEHOLDER.findall(resource)))
    message = f"{names} of the Resource {resource} must be filled in before it can be judged"
    return replace(diagnostic, code=UNFILLED, message=message, beyond_aws=True)


def _resources_with_placeholders(members: Any) -> dict[str, str]:
    """The Resources that are placeholders or have some, by location."""
    found: dict[str, str] = {}
    for graph in graphs_inside(Graph(members, "")) if isinstance(members, dict) else ():
        for name, state in graph.states.items():
            for holder, place in ((state, ""), (state.get("ItemReader"), "/ItemReader"), (state.get("ResultWriter"), "/ResultWriter")):
                resource = holder.get("Resource") if isinstance(holder, dict) else None
                if isinstance(resource, str) and _PLACEHOLDER.search(resource):
                    found[f"{graph.place(name)}{place}/Resource"] = resource
    return found
