"""Where a state machine's definition comes from: a file, a dict, text, or a SAM, CloudFormation or CDK template.

Called by the `state_machine` fixture. JSON stays as it is written, so that messages point at the same place; YAML becomes JSON.
Substitutions replace `${Name}` as CloudFormation's DefinitionSubstitutions do; what is not named stays, because `${...}` may be the
definition's own text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from stepstack.errors import SettingsError
from stepstack.json_types import Json, json_text
from stepstack.stacks.embedded.templates.template import is_template, parse_document
from stepstack.testing.files import find_file, read_text
from stepstack.testing.refusals import given_text
from stepstack.testing.templates import Template

__all__ = ["Definition", "DefinitionSource", "definition_text", "read_definition"]

DefinitionSource: TypeAlias = "str | Path | Mapping[str, Json]"

_PLACEHOLDER = re.compile(r"\$\{([A-Za-z0-9_.:-]+)\}")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')


@dataclass(frozen=True, slots=True)
class Definition:
    """A definition's text, the type of state machine that a template says (None where nobody does), and the file it came from."""

    text: str
    type: str | None = None
    path: Path | None = None
    logical_id: str | None = None
    """Of a state machine whose definition the template at `path` holds; None where the definition has a file of its own."""


def read_definition(
    source: DefinitionSource,
    *,
    resource: str | None = None,
    substitutions: Mapping[str, Json] | None = None,
    parameters: Mapping[str, Json] | None = None,
    resources: Mapping[str, str] | None = None,
    folders: Sequence[Path] = (),
) -> Definition:
    """The definition in `source`. A `str` is text where it begins like JSON or has several lines, otherwise a file's path.

    A relative path is looked for in each of `folders`, then in the current one. For a template, `resource` is the state machine's logical
    id (needed where there are several), `parameters` are the template's, and `resources` give physical names by logical id.
    `substitutions` come before the template's own. SettingsError says what is wrong.
    """
    given = substitutions or {}
    if isinstance(source, Mapping):
        return Definition(substituted(given_text(source, "definition"), given))
    if isinstance(source, str) and (source.lstrip().startswith("{") or "\n" in source.strip()):
        return Definition(_filled(source, given, is_yaml=not source.lstrip().startswith("{")))
    path = find_file(source, folders)
    text = read_text(source, "a definition", folders)
    if "Resources" in text and is_template(parse_document(text, path)):
        machine = Template(path, parameters=parameters, resources=resources).state_machine(resource)
        values = {**machine.substitutions, **given}
        if machine.path is not None:
            return Definition(_filled(machine.definition, values, is_yaml=machine.is_yaml), machine.type, machine.path)
        return Definition(_filled(machine.definition, values), machine.type, path, machine.logical_id)
    if resource is not None or parameters or resources:
        raise SettingsError(f"resource, parameters and resources are for templates, and {path.name} is none")
    return Definition(_filled(text, given, is_yaml=path.suffix.lower() in {".yaml", ".yml"}), path=path)


def definition_text(source: DefinitionSource, *, substitutions: Mapping[str, Json] | None = None, folders: Sequence[Path] = ()) -> str:
    """The text alone; see `read_definition`."""
    return read_definition(source, substitutions=substitutions, folders=folders).text


def _filled(text: str, substitutions: Mapping[str, Json], *, is_yaml: bool = False) -> str:
    """The definition in `text` as JSON, its placeholders filled in.

    In YAML they are filled in before it is read, as CloudFormation does, so that `Seconds: ${Days}` becomes a number; those that its tags
    become (`!GetAtt F.Arn`) are filled in then.
    """
    if is_yaml:
        text = _as_json(_PLACEHOLDER.sub(lambda placeholder: _replacement(substitutions, placeholder), text))
    return substituted(text, substitutions)


def substituted(text: str, substitutions: Mapping[str, Json]) -> str:
    """`text` with each `${Name}` of `substitutions` replaced by its value, escaped where it stands within a JSON string."""
    if not substitutions:
        return text

    def in_string(match: re.Match[str]) -> str:
        return _PLACEHOLDER.sub(lambda placeholder: _escaped(substitutions, placeholder), match.group(0))

    return _PLACEHOLDER.sub(lambda placeholder: _replacement(substitutions, placeholder), _STRING.sub(in_string, text))


def _replacement(substitutions: Mapping[str, Json], placeholder: re.Match[str]) -> str:
    name = placeholder.group(1)
    return _plain(substitutions[name]) if name in substitutions else placeholder.group(0)


def _escaped(substitutions: Mapping[str, Json], placeholder: re.Match[str]) -> str:
    name = placeholder.group(1)
    return json_text(_plain(substitutions[name]))[1:-1] if name in substitutions else placeholder.group(0)


def _plain(value: Json) -> str:
    return value if isinstance(value, str) else json_text(value)


def _as_json(text: str) -> str:
    """The YAML in `text`."""
    from stepstack.language.source_map import YamlProblem, read_yaml  # JSON needs no YAML library

    try:
        definition, _ = read_yaml(text)
    except YamlProblem as problem:
        raise SettingsError(f"the definition is no YAML: line {problem.line}, column {problem.column}: {problem.message}") from None
    if not definition.startswith("{"):
        raise SettingsError("the definition is no object: a mapping with StartAt and States is needed")
    return definition
