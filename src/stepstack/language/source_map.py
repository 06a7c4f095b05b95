"""Where in a file the parts of a definition stand, for messages with line and column.

Made from JSON or YAML, by `stepstack validate` and where a refusal or a report names a line; a location is written as in diagnostics,
`/States/A/Choices[0]/Next`. YAML becomes JSON text on the way, because that is what AWS reads; its timestamps stay texts, and what a tag of
CloudFormation computes (`!GetAtt F.Arn`) becomes a placeholder (`${F.Arn}`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from stepstack.language.json_scanner import JsonSyntaxError, scan_json

__all__ = ["SourceMap", "YamlProblem", "read_yaml"]

NODE_LIMIT: Final = 200_000
"""Values of a YAML file at most, aliases counted each time; no definition that AWS takes has as many."""

DEPTH_LIMIT: Final = 500
"""How deep they may stand in each other: an alias may name what it is in, and not every Python ends that soon."""

_LAST_PART: Final = re.compile(r"(?:/[^/\[\]]*|\[\d+\])$")
_JACKSON_PLACE: Final = re.compile(r"; line: (\d+), column: (\d+)\]$")
_TYPED_TAGS: Final = frozenset(f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "float"))


@dataclass(frozen=True, slots=True)
class SourceMap:
    """`places` is location to line and column, both from 1; `duplicate_keys` are keys of YAML that stand twice, with theirs."""

    places: Mapping[str, tuple[int, int]]
    duplicate_keys: tuple[tuple[str, tuple[int, int]], ...] = ()

    @classmethod
    def of_json(cls, text: str) -> SourceMap:
        """The places in JSON `text`, as far as it is JSON."""
        places: dict[str, tuple[int, int]] = {}
        line, line_start = 1, 0
        try:
            for value in scan_json(text):
                begins = text.count("\n", line_start, value.key_offset)
                if begins:
                    line += begins
                    line_start = text.rfind("\n", 0, value.key_offset) + 1
                places[value.path] = (line, value.key_offset - line_start + 1)
        except JsonSyntaxError:
            pass
        return cls(places)

    @classmethod
    def of_file(cls, path: Path) -> SourceMap | None:
        """The places in the JSON or YAML file at `path`; None where it cannot be read."""
        try:
            text = path.read_text(encoding="utf-8-sig")
            return cls.of_json(text) if path.suffix.lower() == ".json" or text.lstrip().startswith("{") else read_yaml(text)[1]
        except (OSError, UnicodeDecodeError, YamlProblem):
            return None

    def find(self, location: str | None) -> tuple[int, int]:
        """The line and column of `location`, or of the innermost part around it that stands in the file."""
        if location is None:
            return (1, 1)
        told = _JACKSON_PLACE.search(location)
        if told:
            return int(told.group(1)), int(told.group(2))
        while location and location not in self.places:
            shorter = _LAST_PART.sub("", location)
            location = shorter if shorter != location else location.rpartition("/")[0]
        return self.places.get(location, (1, 1))


class YamlProblem(ValueError):
    """A text is no YAML, or more than a definition can be."""

    def __init__(self, message: str, line: int = 1, column: int = 1) -> None:
        self.message = message
        self.line = line
        self.column = column
        super().__init__(message)


def read_yaml(text: str) -> tuple[str, SourceMap]:
    """The YAML in `text` as JSON text, and the places in it; raises YamlProblem."""
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        reader = _YamlReader(loader)
        value = None if node is None else reader.value(node, "")
        definition = json.dumps(value, ensure_ascii=False)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
        raise YamlProblem(error.problem or str(error), line, column) from error
    except (yaml.YAMLError, ValueError) as error:
        raise YamlProblem(str(error)) from error
    except RecursionError:
        raise YamlProblem("the YAML is nested too deeply") from None
    return definition, SourceMap(reader.places, tuple(reader.duplicate_keys))


@dataclass(slots=True)
class _YamlReader:
    loader: yaml.SafeLoader
    places: dict[str, tuple[int, int]] = field(default_factory=dict)
    duplicate_keys: list[tuple[str, tuple[int, int]]] = field(default_factory=list)
    count: int = 0

    def value(self, node: yaml.Node, path: str, key: yaml.Node | None = None) -> Any:
        """The JSON value of `node`, noting where it stands (at its key, where it has one)."""
        self.count += 1
        mark = (key or node).start_mark
        if self.count > NODE_LIMIT:
            raise YamlProblem(f"the YAML has more than {NODE_LIMIT} values", mark.line + 1, mark.column + 1)
        self.places[path] = (mark.line + 1, mark.column + 1)
        if not node.tag.startswith("tag:"):
            return f"${{{node.value if isinstance(node, yaml.ScalarNode) else node.tag}}}"
        if isinstance(node, yaml.MappingNode | yaml.SequenceNode):
            if path.count("/") + path.count("[") > DEPTH_LIMIT:
                raise YamlProblem("the YAML is nested too deeply", mark.line + 1, mark.column + 1)
            if isinstance(node, yaml.MappingNode):
                return self._mapping(node, path)
            return [self.value(item, f"{path}[{index}]") for index, item in enumerate(node.value)]
        return self.loader.construct_object(node) if node.tag in _TYPED_TAGS else node.value

    def _mapping(self, node: yaml.MappingNode, path: str) -> dict[str, Any]:
        self.loader.flatten_mapping(node)
        members: dict[str, Any] = {}
        for key, member in node.value:
            name = str(key.value)
            if name in members:
                self.duplicate_keys.append((name, (key.start_mark.line + 1, key.start_mark.column + 1)))
            members[name] = self.value(member, f"{path}/{name}", key)
        return members
