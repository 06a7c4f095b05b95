"""SAM and CloudFormation templates: read, transformed and checked, so that `template_application` can make what they describe.

A template is YAML with CloudFormation's short tags (`!Ref`, `!Sub`), or JSON such as `cdk synth` writes. A SAM template is transformed
by AWS's own library (aws-sam-translator, imported only then: it takes seconds). Local paths, which the library does not take, are handed
through it under the name of a bucket that does not exist.

`load_template` is called by `template_application`; reading alone (`template_document`, `parameter_values`, which
transform nothing) also by `stepstack.testing`. Left out: macros, Fn::ForEach.
"""

from __future__ import annotations

import copy
import json
import logging
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from stepstack.errors import SettingsError, UnsupportedFeature
from stepstack.stacks.embedded.templates.template_assets import asset_parameters
from stepstack.stacks.embedded.templates.template_includes import with_includes
from stepstack.stacks.embedded.templates.template_intrinsics import value_text

if TYPE_CHECKING:
    import yaml

__all__ = [
    "LOCAL_BUCKET",
    "Template",
    "is_template",
    "load_template",
    "local_path",
    "parameter_values",
    "parse_document",
    "template_document",
]

Json: TypeAlias = dict[str, Any]

SAM = "AWS::Serverless-2016-10-31"
EXTENSIONS = "AWS::LanguageExtensions"
STORED = "AWS::SSM::Parameter::Value<"
LOCAL_BUCKET = "stepstack-local-path"
"""Stands for the folder of the template wherever code or a definition is named by an S3 location."""
MOST_VALUES = 500_000
"""Of a template, its aliases counted: far more than CloudFormation's 1 MB holds, and less than makes a process grow."""
DEEPEST = 200
"""How deep they may stand in each other; an alias may name what it is in."""


@dataclass(frozen=True, slots=True)
class Template:
    """A template in CloudFormation's own terms."""

    path: Path
    """Its file, resolved."""
    resources: Mapping[str, Json]
    parameters: Mapping[str, Any]
    """Their values."""
    stored: Mapping[str, str] = field(default_factory=dict)
    """Parameters whose values name one of Parameter Store, whose value they have."""
    stored_lists: frozenset[str] = frozenset()
    """Those of them that are lists."""
    mappings: Mapping[str, Any] = field(default_factory=dict)
    conditions: Mapping[str, Any] = field(default_factory=dict)
    outputs: Mapping[str, Json] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        return self.path.parent


def load_template(path: Path, parameters: Mapping[str, str] | None = None, *, region: str = "us-east-1") -> Template:
    """The template in a file, with values for its parameters. Raises SettingsError where it is none."""
    content = template_document(path)
    declared = content.get("Parameters") or {}
    values = {**asset_parameters(path.parent, declared, LOCAL_BUCKET), **parameter_values(path, declared, parameters or {})}
    missing = next((name for name in declared if name not in values), None)
    if missing is not None:
        raise SettingsError(f"{path}: the parameter {missing} has no default and needs a value")
    transforms = content.get("Transform") or []
    names = transforms if isinstance(transforms, list) else [transforms]
    unknown = [name for name in names if name not in {SAM, EXTENSIONS}]
    if unknown:
        raise SettingsError(f"{path}: the transform {unknown[0]} is not supported, only {SAM} and {EXTENSIONS}")
    content = with_includes(content, _read, path.parent, values)
    repeated = next((name for section in ("Resources", "Outputs") for name in content.get(section) or () if name.startswith("Fn::")), None)
    if repeated is not None:
        raise UnsupportedFeature(f"{path}: {repeated} is not supported")
    if SAM in names:
        content = _transformed(path, content, values, region)
    stored = {
        name: str(values[name])
        for name, described in declared.items()
        if str(described.get("Type", "")).startswith(STORED) and values[name]
    }
    return Template(
        path.resolve(),
        content["Resources"],
        values,
        stored,
        frozenset(name for name in stored if _is_list(str(declared[name]["Type"])[len(STORED) :])),
        content.get("Mappings") or {},
        content.get("Conditions") or {},
        content.get("Outputs") or {},
    )


def local_path(folder: Path, location: Any, *, what: str) -> Path:
    """The file or folder that a local location such as `src/` names. Raises SettingsError where there is none."""
    path = (folder / str(location)).resolve()
    if not path.exists():
        raise SettingsError(f"{what}: {path} does not exist")
    return path


def template_document(path: Path) -> Json:
    """What stands in a template's file, with nothing evaluated. Raises SettingsError where it is none."""
    content = _read(path)
    if not is_template(content):
        raise SettingsError(f"{path} is no template: it has no Resources")
    document: Json = content
    return document


def is_template(document: Any) -> bool:
    """Whether a JSON or YAML document is a template rather than a definition."""
    return isinstance(document, dict) and isinstance(document.get("Resources"), dict) and "StartAt" not in document


def parse_document(text: str, path: Path) -> Any:
    """The value of `text`, JSON or YAML, the short tags in their long form: `!Ref A` is `{"Ref": "A"}`. `path` says whose text it is."""
    import yaml

    try:
        if path.suffix == ".json":
            return json.loads(text)
        if text.lstrip().startswith("{"):
            # JSON is read much faster as JSON, and may be indented by tabs, which YAML is not; but YAML may begin so as well.
            with suppress(ValueError):
                return json.loads(text)
        return _limited(yaml.load(text, _yaml_loader()), path)  # noqa: S506 - a SafeLoader
    except (ValueError, yaml.YAMLError) as error:
        raise SettingsError(f"{path} is neither YAML nor JSON: {error}") from None
    except RecursionError:
        raise SettingsError(f"{path} is nested too deeply") from None


def _limited(document: Any, path: Path) -> Any:
    """`document`, where its aliases do not make it larger than any template: one may name what it is in."""
    waiting = [(document, 0)]
    count = 0
    while waiting:
        part, depth = waiting.pop()
        if isinstance(part, (dict, list)):
            count += len(part) + 1
            if count > MOST_VALUES or depth > DEEPEST:
                raise SettingsError(f"{path} has more than {MOST_VALUES} values, its aliases counted, or is nested deeper than {DEEPEST}")
            waiting.extend((member, depth + 1) for member in (part.values() if isinstance(part, dict) else part))
    return document


def parameter_values(path: Path, declared: Mapping[str, Json], given: Mapping[str, Any]) -> Json:
    """The parameters' values, as CloudFormation has them: text, or a list of texts. What has neither value nor default is left out."""
    unknown = sorted(given.keys() - declared.keys())
    if unknown:
        raise SettingsError(f"{path} has no parameter {unknown[0]}; it has {', '.join(declared) or 'none'}")
    values: Json = {}
    for name, declaration in declared.items():
        value = given.get(name, declaration.get("Default"))
        if value is None:
            continue
        allowed = declaration.get("AllowedValues")
        if allowed and value_text(value) not in map(value_text, allowed):
            raise SettingsError(f"{path}: the parameter {name} is one of {', '.join(map(value_text, allowed))}, not {value}")
        kind = str(declaration.get("Type", "String"))
        values[name] = _text_list(value) if _is_list(kind) else value_text(value)
    return values


def _is_list(kind: str) -> bool:
    return kind.startswith(("CommaDelimitedList", "List<"))


def _text_list(value: Any) -> list[str]:
    return [value_text(part) for part in value] if isinstance(value, list) else [part.strip() for part in value_text(value).split(",")]


def _read(path: Path) -> Any:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"the template {path} cannot be read: {error}") from None
    return parse_document(text, path)


@cache
def _yaml_loader() -> type[yaml.SafeLoader]:
    """YAML with CloudFormation's short tags."""
    import yaml

    class Loader(yaml.SafeLoader):
        """A class of its own, because tags are registered on classes."""

    Loader.add_multi_constructor("!", _short_tag)
    # A version such as 2012-10-17 is text in a template, not a date.
    Loader.yaml_implicit_resolvers = {
        first: [(tag, expression) for tag, expression in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    return Loader


def _short_tag(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> Json:
    import yaml

    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)  # noqa: S101 - YAML has three kinds of nodes
        value = loader.construct_mapping(node, deep=True)
    if suffix in {"Ref", "Condition"}:
        return {suffix: value}
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {f"Fn::{suffix}": value}


def _transformed(path: Path, content: Json, values: Json, region: str) -> Json:
    try:
        from samtranslator.public.exceptions import InvalidDocumentException
        from samtranslator.translator.transform import transform
    except ImportError:
        raise SettingsError(f"{path} is a SAM template: install aws-sam-translator, or stepstack[sam]") from None
    library = logging.getLogger("samtranslator")
    if library.level == logging.NOTSET:
        # It warns of metrics that nobody publishes, and of feature toggles that it is not given.
        library.setLevel(logging.ERROR)
    prepared = copy.deepcopy(content)
    _replace_local_paths(prepared)
    _inline_definitions(path.parent, prepared)
    try:
        with _default_region(region):
            result: Json = transform(prepared, dict(values), _NoManagedPolicies())
    except InvalidDocumentException as error:
        reasons = "; ".join(str(cause.message) for cause in error.causes)
        raise SettingsError(f"{path} is no valid SAM template: {reasons}") from error
    return result


_one_region = threading.Lock()
"""Held while the environment names the region of a template: two stacks of a process may deploy at the same time."""


@contextmanager
def _default_region(region: str) -> Iterator[None]:
    """For the body, the process's environment names `region`: SAM's library asks boto3 for it, and boto3 the environment.

    It names no profile: boto3 would refuse one that is not there.
    """
    with _one_region:
        before = {name: os.environ.pop(name, None) for name in ("AWS_DEFAULT_REGION", "AWS_DEFAULT_PROFILE", "AWS_PROFILE")}
        os.environ["AWS_DEFAULT_REGION"] = region
        try:
            yield
        finally:
            del os.environ["AWS_DEFAULT_REGION"]
            os.environ.update({name: value for name, value in before.items() if value is not None})


class _NoManagedPolicies:
    """The names of AWS's managed policies are not looked up: roles have no effect here."""

    @staticmethod
    def load() -> dict[str, str]:
        return {}


def _replace_local_paths(content: Json) -> None:
    for resource in content["Resources"].values():
        if resource.get("Type") == "AWS::Serverless::Application" and isinstance(_properties(resource).get("Location"), str):
            # It is a stack of its own, which SAM transforms when that stack is deployed.
            resource["Type"] = "AWS::CloudFormation::Stack"
            _properties(resource)["TemplateURL"] = _properties(resource).pop("Location")
    functions = [content.get("Globals", {}).get("Function") or {}]
    functions += [
        _properties(resource) for resource in content["Resources"].values() if resource.get("Type") == "AWS::Serverless::Function"
    ]
    for properties in functions:
        location = properties.get("CodeUri")
        if isinstance(location, str) and not location.startswith("s3://"):
            properties["CodeUri"] = {"Bucket": LOCAL_BUCKET, "Key": location}
    for resource in content["Resources"].values():
        if resource.get("Type") == "AWS::Serverless::Function" and not _has_code(resource, content):
            _properties(resource)["CodeUri"] = {"Bucket": LOCAL_BUCKET, "Key": "."}
        if resource.get("Type") == "AWS::Serverless::LayerVersion":
            location = _properties(resource).get("ContentUri", ".")
            if isinstance(location, str) and not location.startswith("s3://"):
                _properties(resource)["ContentUri"] = {"Bucket": LOCAL_BUCKET, "Key": location}


def _has_code(resource: Json, content: Json) -> bool:
    return any(
        name in properties
        for properties in (_properties(resource), content.get("Globals", {}).get("Function") or {})
        for name in ("CodeUri", "InlineCode", "ImageUri")
    )


def _inline_definitions(folder: Path, content: Json) -> None:
    """Definitions in files take their place in the template, before the library asks for their place in S3."""
    for name, resource in content["Resources"].items():
        properties = _properties(resource)
        kind = resource.get("Type")
        uri = properties.get("DefinitionUri")
        if isinstance(uri, str) and not uri.startswith("s3://"):
            if kind == "AWS::Serverless::StateMachine":
                local_path(folder, uri, what=f"{name}.DefinitionUri")
                # Stays a file: its placeholders are filled in before it is read.
                properties["DefinitionUri"] = {"Bucket": LOCAL_BUCKET, "Key": uri}
            elif kind in {"AWS::Serverless::Api", "AWS::Serverless::HttpApi"}:
                properties["DefinitionBody"] = _read(local_path(folder, properties.pop("DefinitionUri"), what=f"{name}.DefinitionUri"))


def _properties(resource: Json) -> Json:
    properties: Json = resource.setdefault("Properties", {})
    return properties
