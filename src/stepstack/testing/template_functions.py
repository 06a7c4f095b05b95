"""CloudFormation's intrinsic functions, resolved without AWS.

Called by `Template`. Physical names come from the test, from the resource's properties, or are the logical id; ARNs are built from them in
AWS's forms. Both spellings are read: `{"Fn::Sub": ...}` and YAML's `!Sub`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from stepstack.errors import SettingsError

__all__ = ["References", "TemplateResolver", "load_template"]

_SUBSTITUTION = re.compile(r"\$\{(!?)([^}]*)\}")

_NO_VALUE = object()

_NAME_PROPERTIES = (
    "FunctionName",
    "TableName",
    "QueueName",
    "TopicName",
    "BucketName",
    "StateMachineName",
    "LogGroupName",
    "RoleName",
    "Name",
)

_ARNS: Mapping[str, str] = {
    "AWS::Lambda::Function": "arn:{partition}:lambda:{region}:{account}:function:{name}",
    "AWS::Serverless::Function": "arn:{partition}:lambda:{region}:{account}:function:{name}",
    "AWS::DynamoDB::Table": "arn:{partition}:dynamodb:{region}:{account}:table/{name}",
    "AWS::DynamoDB::GlobalTable": "arn:{partition}:dynamodb:{region}:{account}:table/{name}",
    "AWS::Serverless::SimpleTable": "arn:{partition}:dynamodb:{region}:{account}:table/{name}",
    "AWS::SQS::Queue": "arn:{partition}:sqs:{region}:{account}:{name}",
    "AWS::SNS::Topic": "arn:{partition}:sns:{region}:{account}:{name}",
    "AWS::S3::Bucket": "arn:{partition}:s3:::{name}",
    "AWS::StepFunctions::StateMachine": "arn:{partition}:states:{region}:{account}:stateMachine:{name}",
    "AWS::Serverless::StateMachine": "arn:{partition}:states:{region}:{account}:stateMachine:{name}",
    "AWS::StepFunctions::Activity": "arn:{partition}:states:{region}:{account}:activity:{name}",
    "AWS::Events::EventBus": "arn:{partition}:events:{region}:{account}:event-bus/{name}",
    "AWS::Events::Connection": "arn:{partition}:events:{region}:{account}:connection/{name}",
    "AWS::IAM::Role": "arn:{partition}:iam::{account}:role/{name}",
    "AWS::Logs::LogGroup": "arn:{partition}:logs:{region}:{account}:log-group:{name}:*",
}
_ARN_ATTRIBUTES = {"Arn", "TopicArn"}
_NAME_ATTRIBUTES = {"Name", "QueueName", "TopicName", "BucketName", "FunctionName"}
_REFS_TO_ARNS = {
    "AWS::SNS::Topic",
    "AWS::StepFunctions::StateMachine",
    "AWS::Serverless::StateMachine",
    "AWS::StepFunctions::Activity",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class References:
    """What a test says of a template: parameters, and names of resources (`Orders`) or of their attributes (`Orders.Arn`)."""

    parameters: Mapping[str, Any]
    resources: Mapping[str, str]
    region: str
    account: str
    partition: str = "aws"


def load_template(text: str, name: str) -> Any:
    """The document of a JSON or YAML template, YAML's short tags in their long form."""
    if text.lstrip().startswith("{"):
        try:
            return json.loads(text)
        except ValueError as error:
            raise SettingsError(f"{name} is no JSON: {error}") from None
    import yaml

    class Loader(yaml.SafeLoader):
        """Knows CloudFormation's tags; a class of its own, because tags are registered on classes."""

    def construct(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> Any:
        key = suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}"
        if isinstance(node, yaml.ScalarNode):
            value: Any = loader.construct_scalar(node)
            return {key: value.split(".", 1)} if suffix == "GetAtt" else {key: value}
        if isinstance(node, yaml.SequenceNode):
            return {key: loader.construct_sequence(node, deep=True)}
        return {key: loader.construct_mapping(node, deep=True)} if isinstance(node, yaml.MappingNode) else None

    Loader.add_multi_constructor("!", construct)
    # CloudFormation's dates ("2012-10-17") are text.
    Loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    try:
        return yaml.load(text, Loader)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        raise SettingsError(f"{name} is no YAML: {error}") from None


class TemplateResolver:
    """Resolves any value of one template."""

    def __init__(self, document: Mapping[str, Any], references: References) -> None:
        self._document = document
        self._resources: Mapping[str, Any] = document["Resources"]
        self._references = references
        self._resolving: list[str] = []
        self._functions: Mapping[str, Callable[[Any], Any]] = {
            "Ref": self._ref,
            "Fn::GetAtt": self._get_att,
            "Fn::Sub": self._sub,
            "Fn::Join": lambda words: str(words[0]).join(map(str, self.resolve(words[1]))),
            "Fn::Select": lambda words: self.resolve(words[1])[int(self.resolve(words[0]))],
            "Fn::Split": lambda words: str(self.resolve(words[1])).split(words[0]),
            "Fn::If": lambda words: self.resolve(words[1 if self._condition(words[0]) else 2]),
            "Fn::FindInMap": self._find_in_map,
            "Fn::ImportValue": self._import_value,
            "Fn::ToJsonString": lambda value: json.dumps(self.resolve(value), ensure_ascii=False),
            "Fn::Equals": lambda words: self.resolve(words[0]) == self.resolve(words[1]),
            "Fn::And": lambda words: all(self.resolve(word) for word in words),
            "Fn::Or": lambda words: any(self.resolve(word) for word in words),
            "Fn::Not": lambda words: not self.resolve(words[0]),
            "Condition": self._condition,
        }

    def resolve(self, value: Any) -> Any:
        """`value` with every intrinsic function in it replaced by what it means."""
        if isinstance(value, list):
            return [member for member in map(self.resolve, value) if member is not _NO_VALUE]
        if not isinstance(value, Mapping):
            return value
        if len(value) == 1:
            ((key, argument),) = value.items()
            # A definition may have a field that is called like one: only text or a list stands behind a real one.
            if key in self._functions and (key.startswith("Fn::") or isinstance(argument, str)):
                return self._functions[key](argument)
            if key.startswith("Fn::"):
                raise SettingsError(f"the template uses {key}, which stepstack does not resolve")
        resolved = {key: self.resolve(member) for key, member in value.items()}
        return {key: member for key, member in resolved.items() if member is not _NO_VALUE}

    def name_of(self, logical_id: str) -> str:
        """The physical name of a resource."""
        given = self._references.resources.get(logical_id)
        if given is not None:
            return given
        properties = self._resources[logical_id].get("Properties", {})
        written = next((properties[key] for key in _NAME_PROPERTIES if key in properties), None)
        if written is None or logical_id in self._resolving:
            return logical_id
        self._resolving.append(logical_id)
        try:
            return str(self.resolve(written))
        finally:
            self._resolving.pop()

    def _ref(self, name: str) -> Any:
        references = self._references
        pseudo = {
            "AWS::Region": references.region,
            "AWS::AccountId": references.account,
            "AWS::Partition": references.partition,
            "AWS::URLSuffix": "amazonaws.com",
            "AWS::StackName": "stepstack",
            "AWS::StackId": f"arn:{references.partition}:cloudformation:{references.region}:{references.account}:stack/stepstack/0",
            "AWS::NoValue": _NO_VALUE,
        }
        if name in pseudo:
            return pseudo[name]
        if name in self._document.get("Parameters", {}):
            return self._parameter(name)
        if name not in self._resources:
            raise SettingsError(f"the template refers to {name!r}, which it does not define")
        return self._resource_reference(name)

    def _parameter(self, name: str) -> Any:
        declared = self._document["Parameters"][name]
        if name not in self._references.parameters and "Default" not in declared:
            raise SettingsError(f"the template's parameter {name} has no default: give it in parameters={{{name!r}: ...}}")
        value = self._references.parameters.get(name, declared.get("Default"))
        if str(declared.get("Type", "")).startswith(("CommaDelimitedList", "List<")) and isinstance(value, str):
            return [word.strip() for word in value.split(",")]
        return value

    def _resource_reference(self, logical_id: str) -> str:
        kind = self._resources[logical_id].get("Type", "")
        if kind in _REFS_TO_ARNS:
            return self._arn(logical_id, kind)
        if kind == "AWS::SQS::Queue":
            return f"https://sqs.{self._references.region}.amazonaws.com/{self._references.account}/{self.name_of(logical_id)}"
        if kind in {"AWS::Lambda::Version", "AWS::Lambda::Alias"}:
            properties = self._resources[logical_id]["Properties"]
            function = str(self.resolve(properties["FunctionName"]))
            if not function.startswith("arn:"):
                function = self._arn_of("AWS::Lambda::Function", function)
            return f"{function}:{self.resolve(properties.get('Name', '1'))}"
        return self.name_of(logical_id)

    def _get_att(self, words: Any) -> Any:
        logical_id, attribute = words.split(".", 1) if isinstance(words, str) else (words[0], str(self.resolve(words[1])))
        given = self._references.resources.get(f"{logical_id}.{attribute}")
        if given is not None:
            return given
        if logical_id not in self._resources:
            raise SettingsError(f"the template refers to {logical_id!r}, which it does not define")
        kind = self._resources[logical_id].get("Type", "")
        if attribute in _ARN_ATTRIBUTES and kind in _ARNS:
            return self._arn(logical_id, kind)
        if attribute in _NAME_ATTRIBUTES:
            return self.name_of(logical_id)
        if attribute == "QueueUrl":
            return self._resource_reference(logical_id)
        wanted = f"{logical_id}.{attribute}"
        raise SettingsError(f"the template refers to {wanted} of a {kind}: give it in resources={{{wanted!r}: ...}}")

    def _arn(self, logical_id: str, kind: str) -> str:
        given = self._references.resources.get(f"{logical_id}.Arn")
        if given is not None:
            return given
        name = self.name_of(logical_id)
        return name if name.startswith("arn:") else self._arn_of(kind, name)

    def _arn_of(self, kind: str, name: str) -> str:
        references = self._references
        return _ARNS[kind].format(partition=references.partition, region=references.region, account=references.account, name=name)

    def _sub(self, argument: Any) -> str:
        text, own = (argument, {}) if isinstance(argument, str) else (argument[0], argument[1])
        variables = {name: self.resolve(value) for name, value in own.items()}

        def value(match: re.Match[str]) -> str:
            name = match.group(2)
            if match.group(1):
                return "${" + name + "}"
            if name in variables:
                return str(variables[name])
            return str(self._get_att(name) if "." in name else self._ref(name))

        return _SUBSTITUTION.sub(value, text)

    def _find_in_map(self, words: Any) -> Any:
        name, first, second = (self.resolve(word) for word in words[:3])
        try:
            return self._document["Mappings"][name][first][second]
        except KeyError as missing:
            raise SettingsError(f"the template's mapping {name} has no {missing}") from None

    def _import_value(self, name: Any) -> str:
        export = str(self.resolve(name))
        if export not in self._references.resources:
            raise SettingsError(f"the template imports {export!r}: give it in resources={{{export!r}: ...}}")
        return self._references.resources[export]

    def _condition(self, name: str) -> bool:
        return bool(self.resolve(self._document.get("Conditions", {})[name]))
