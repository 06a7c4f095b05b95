"""CloudFormation's intrinsic functions: what a template's values come to, and which resources a value needs.

Called by `template_application`, which makes the resources, and by `stepstack.testing`, which only names them.
Source: the intrinsic function reference of the CloudFormation user guide.
Left out: Fn::ForEach; Fn::Transform but for AWS::Include (`template_includes`); Fn::ImportValue where nobody says what other stacks export.
"""

from __future__ import annotations

import base64
import ipaddress
import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol, TypeAlias

from stepstack.errors import SettingsError, UnsupportedFeature
from stepstack.json_types import json_text

__all__ = ["Intrinsics", "ResourceValues", "needed_resources", "pseudo_parameters", "value_text"]

Json: TypeAlias = dict[str, Any]

_SUBSTITUTION = re.compile(r"\$\{(!?)([^}]+)\}")
_NO_VALUE = object()


class ResourceValues(Protocol):
    """What a template's resources have become."""

    def reference(self, name: str) -> Any:
        """What Ref gives; KeyError where there is no such resource."""
        ...

    def attribute(self, name: str, attribute: str) -> Any:
        """What Fn::GetAtt gives; KeyError where there is no such resource or attribute."""
        ...


class Intrinsics:
    """Evaluates the values of one template."""

    def __init__(
        self,
        *,
        pseudo_parameters: Mapping[str, Any],
        parameters: Mapping[str, Any],
        mappings: Mapping[str, Any],
        conditions: Mapping[str, Any],
        resources: ResourceValues,
        exported: Callable[[str], Any] | None = None,
    ) -> None:
        """`exported` gives what another stack exports by a name."""
        self._values = {**parameters, **pseudo_parameters}
        self._mappings = mappings
        self._conditions = conditions
        self._resources = resources
        self._exported = exported
        self._known: dict[str, bool] = {}

    def evaluate(self, value: Any) -> Any:
        """`value` with all intrinsic functions replaced; members that come to AWS::NoValue are left out."""
        result = self._evaluate(value)
        return None if result is _NO_VALUE else result

    def condition(self, name: str) -> bool:
        """Whether a condition of the template holds."""
        if name not in self._conditions:
            raise SettingsError(f"the template has no condition {name}")
        if name not in self._known:
            self._known[name] = self._boolean(self._conditions[name])
        return self._known[name]

    def _evaluate(self, value: Any) -> Any:
        if isinstance(value, list):
            return [part for part in map(self._evaluate, value) if part is not _NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((name, argument),) = value.items()
            # A definition may have fields that are called like functions: only text stands behind a real Ref.
            if name == "Ref" and isinstance(argument, str):
                return self._reference(argument)
            if name.startswith("Fn::"):
                return self._function(name, argument)
            if name == "Condition" and isinstance(argument, str) and argument in self._conditions:
                return self.condition(argument)
        evaluated = {name: self._evaluate(part) for name, part in value.items()}
        return {name: part for name, part in evaluated.items() if part is not _NO_VALUE}

    def _function(self, name: str, argument: Any) -> Any:
        function = _FUNCTIONS.get(name)
        if function is None:
            raise UnsupportedFeature(f"the template uses {name}: this intrinsic function is not supported")
        return function(self, argument)

    def _reference(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return _NO_VALUE
        if name in self._values:
            return self._values[name]
        try:
            return self._resources.reference(name)
        except KeyError:
            raise SettingsError(f"the template has no parameter and no resource {name}") from None

    def get_attribute(self, argument: Any) -> Any:
        parts = argument.split(".", 1) if isinstance(argument, str) else argument
        name, attribute = str(parts[0]), str(self._evaluate(parts[1]))
        try:
            return self._resources.attribute(name, attribute)
        except KeyError:
            raise SettingsError(f"the resource {name} has no attribute {attribute} here") from None

    def substitute(self, argument: Any) -> str:
        text, given = (argument, {}) if isinstance(argument, str) else (argument[0], argument[1])

        def replace(found: re.Match[str]) -> str:
            if found[1]:
                return f"${{{found[2]}}}"
            name = found[2].strip()
            if name in given:
                return value_text(self._evaluate(given[name]))
            return value_text(self.get_attribute(name) if "." in name else self._reference(name))

        return _SUBSTITUTION.sub(replace, text)

    def join(self, argument: Any) -> str:
        separator, parts = argument
        return str(separator).join(value_text(part) for part in self._evaluate(parts))

    def select(self, argument: Any) -> Any:
        index, parts = (self._evaluate(part) for part in argument)
        return parts[int(index)]

    def split(self, argument: Any) -> list[str]:
        separator, text = (self._evaluate(part) for part in argument)
        return str(text).split(str(separator))

    def if_(self, argument: Any) -> Any:
        name, then, otherwise = argument
        return self._evaluate(then if self.condition(name) else otherwise)

    def find_in_map(self, argument: Any) -> Any:
        name, first, second = (self._evaluate(part) for part in argument[:3])
        try:
            return self._mappings[name][first][second]
        except KeyError:
            if len(argument) > 3 and "DefaultValue" in argument[3]:
                return self._evaluate(argument[3]["DefaultValue"])
            raise SettingsError(f"the template's mapping {name} has no {first}, {second}") from None

    def equals(self, argument: Any) -> bool:
        left, right = (self._evaluate(part) for part in argument)
        return value_text(left) == value_text(right)

    def _boolean(self, value: Any) -> bool:
        result = self.condition(value["Condition"]) if isinstance(value, dict) and list(value) == ["Condition"] else self._evaluate(value)
        return result is True

    def and_(self, argument: Any) -> bool:
        return all(self._boolean(part) for part in argument)

    def or_(self, argument: Any) -> bool:
        return any(self._boolean(part) for part in argument)

    def not_(self, argument: Any) -> bool:
        return not self._boolean(argument[0])

    def encode(self, argument: Any) -> str:
        return base64.b64encode(str(self._evaluate(argument)).encode()).decode()

    def json_string(self, argument: Any) -> str:
        return json_text(self._evaluate(argument))

    def import_value(self, argument: Any) -> Any:
        if self._exported is None:
            raise UnsupportedFeature(f"the template uses Fn::ImportValue ({argument}): what other stacks export is not known here")
        return self._exported(str(self._evaluate(argument)))

    def cidr(self, argument: Any) -> list[str]:
        block, count, bits = [*(self._evaluate(part) for part in argument), 8][:3]
        network = ipaddress.ip_network(str(block), strict=False)
        blocks = network.subnets(new_prefix=network.max_prefixlen - int(bits))
        return [str(part) for part in itertools.islice(blocks, int(count))]

    def zones(self, argument: Any) -> list[str]:
        region = self._evaluate(argument) or self._values["AWS::Region"]
        return [f"{region}{letter}" for letter in "abc"]

    def length(self, argument: Any) -> int:
        return len(self._evaluate(argument))


_FUNCTIONS: Mapping[str, Callable[[Intrinsics, Any], Any]] = {
    "Fn::And": Intrinsics.and_,
    "Fn::Base64": Intrinsics.encode,
    "Fn::Cidr": Intrinsics.cidr,
    "Fn::Equals": Intrinsics.equals,
    "Fn::FindInMap": Intrinsics.find_in_map,
    "Fn::GetAtt": Intrinsics.get_attribute,
    "Fn::GetAZs": Intrinsics.zones,
    "Fn::If": Intrinsics.if_,
    "Fn::ImportValue": Intrinsics.import_value,
    "Fn::Join": Intrinsics.join,
    "Fn::Length": Intrinsics.length,
    "Fn::Not": Intrinsics.not_,
    "Fn::Or": Intrinsics.or_,
    "Fn::Select": Intrinsics.select,
    "Fn::Split": Intrinsics.split,
    "Fn::Sub": Intrinsics.substitute,
    "Fn::ToJsonString": Intrinsics.json_string,
}


def pseudo_parameters(*, region: str, account_id: str, stack_name: str, stack_id: str) -> Json:
    """What `AWS::Region` and its like are; AWS::NoValue is none of them."""
    return {
        "AWS::AccountId": account_id,
        "AWS::NotificationARNs": [],
        "AWS::Partition": "aws",
        "AWS::Region": region,
        "AWS::StackId": stack_id,
        "AWS::StackName": stack_name,
        "AWS::URLSuffix": "amazonaws.com",
    }


def value_text(value: Any) -> str:
    """A scalar as CloudFormation writes it into text: `true`, not Python's `True`."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def needed_resources(value: Any, names: Mapping[str, Any]) -> Iterator[str]:
    """The names among `names` that a value refers to."""
    if isinstance(value, list):
        for part in value:
            yield from needed_resources(part, names)
        return
    if not isinstance(value, dict):
        return
    for key, part in value.items():
        if key == "Ref" and isinstance(part, str):
            if part in names:
                yield part
        elif key == "Fn::GetAtt":
            name = part.split(".", 1)[0] if isinstance(part, str) else part[0]
            if name in names:
                yield str(name)
        elif key == "Fn::Sub":
            text = part if isinstance(part, str) else part[0]
            given = {} if isinstance(part, str) else part[1]
            found = (match[2].strip().split(".", 1)[0] for match in _SUBSTITUTION.finditer(text) if not match[1])
            yield from (name for name in found if name in names and name not in given)
            yield from needed_resources(given, names)
        else:
            yield from needed_resources(part, names)
