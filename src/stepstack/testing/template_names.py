"""What the resources of a template are called, without deploying it.

Called by `Template`, for `template_intrinsics` to evaluate references. A name is what the test gives, else the name in
the resource's properties, else its logical id; ARNs are built from names in AWS's forms. What a name does not give is a SettingsError
that says how the test can give it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from stepstack.errors import SettingsError

__all__ = ["NamedResources"]

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
    "AWS::Lambda::Function": "arn:aws:lambda:{region}:{account}:function:{name}",
    "AWS::Serverless::Function": "arn:aws:lambda:{region}:{account}:function:{name}",
    "AWS::DynamoDB::Table": "arn:aws:dynamodb:{region}:{account}:table/{name}",
    "AWS::DynamoDB::GlobalTable": "arn:aws:dynamodb:{region}:{account}:table/{name}",
    "AWS::Serverless::SimpleTable": "arn:aws:dynamodb:{region}:{account}:table/{name}",
    "AWS::SQS::Queue": "arn:aws:sqs:{region}:{account}:{name}",
    "AWS::SNS::Topic": "arn:aws:sns:{region}:{account}:{name}",
    "AWS::S3::Bucket": "arn:aws:s3:::{name}",
    "AWS::StepFunctions::StateMachine": "arn:aws:states:{region}:{account}:stateMachine:{name}",
    "AWS::Serverless::StateMachine": "arn:aws:states:{region}:{account}:stateMachine:{name}",
    "AWS::StepFunctions::Activity": "arn:aws:states:{region}:{account}:activity:{name}",
    "AWS::Events::EventBus": "arn:aws:events:{region}:{account}:event-bus/{name}",
    "AWS::Events::Connection": "arn:aws:events:{region}:{account}:connection/{name}",
    "AWS::IAM::Role": "arn:aws:iam::{account}:role/{name}",
    "AWS::Logs::LogGroup": "arn:aws:logs:{region}:{account}:log-group:{name}:*",
}
_ARN_ATTRIBUTES = {"Arn", "TopicArn"}
_NAME_ATTRIBUTES = {"Name", "QueueName", "TopicName", "BucketName", "FunctionName"}
_REFS_TO_ARNS = {
    "AWS::SNS::Topic",
    "AWS::StepFunctions::StateMachine",
    "AWS::Serverless::StateMachine",
    "AWS::StepFunctions::Activity",
}


class NamedResources:
    """The names, ARNs and URLs of one template's resources; `given` has names by logical id, or by `Orders.Arn`, or by an export's name."""

    def __init__(
        self,
        document: Mapping[str, Any],
        given: Mapping[str, str],
        evaluate: Callable[[Any], Any],
        *,
        region: str,
        account_id: str,
    ) -> None:
        """`evaluate` is for names that are written with intrinsic functions."""
        self._resources: Mapping[str, Any] = document["Resources"]
        self._parameters: Mapping[str, Any] = document.get("Parameters") or {}
        self._given = given
        self._evaluate = evaluate
        self._region = region
        self._account_id = account_id
        self._naming: list[str] = []

    def name_of(self, logical_id: str) -> str:
        """The physical name of a resource."""
        given = self._given.get(logical_id)
        if given is not None:
            return given
        properties = self._resources[logical_id].get("Properties", {})
        written = next((properties[key] for key in _NAME_PROPERTIES if key in properties), None)
        # Names may be written in a circle.
        if written is None or logical_id in self._naming:
            return logical_id
        self._naming.append(logical_id)
        try:
            return str(self._evaluate(written))
        finally:
            self._naming.pop()

    def reference(self, name: str) -> str:
        """What Ref gives."""
        if name in self._parameters:
            raise SettingsError(f"the template's parameter {name} has no default: give it in parameters={{{name!r}: ...}}")
        kind = self._kind(name)
        if kind in _REFS_TO_ARNS:
            return self._arn(name, kind)
        if kind == "AWS::SQS::Queue":
            return f"https://sqs.{self._region}.amazonaws.com/{self._account_id}/{self.name_of(name)}"
        if kind in {"AWS::Lambda::Version", "AWS::Lambda::Alias"}:
            return self._qualified_function(self._resources[name]["Properties"])
        return self.name_of(name)

    def attribute(self, name: str, attribute: str) -> str:
        """What Fn::GetAtt gives."""
        wanted = f"{name}.{attribute}"
        given = self._given.get(wanted)
        if given is not None:
            return given
        kind = self._kind(name)
        if attribute in _ARN_ATTRIBUTES and kind in _ARNS:
            return self._arn(name, kind)
        if attribute in _NAME_ATTRIBUTES:
            return self.name_of(name)
        if attribute == "QueueUrl":
            return self.reference(name)
        raise SettingsError(f"the template refers to {wanted} of a {kind}: give it in resources={{{wanted!r}: ...}}")

    def exported(self, export: str) -> str:
        """What another stack exports by that name."""
        if export not in self._given:
            raise SettingsError(f"the template imports {export!r}: give it in resources={{{export!r}: ...}}")
        return self._given[export]

    def _kind(self, logical_id: str) -> str:
        if logical_id not in self._resources:
            raise SettingsError(f"the template refers to {logical_id!r}, which it does not define")
        return str(self._resources[logical_id].get("Type", ""))

    def _qualified_function(self, properties: Mapping[str, Any]) -> str:
        function = str(self._evaluate(properties["FunctionName"]))
        if not function.startswith("arn:"):
            function = self._arn_of("AWS::Lambda::Function", function)
        return f"{function}:{self._evaluate(properties.get('Name', '1'))}"

    def _arn(self, logical_id: str, kind: str) -> str:
        given = self._given.get(f"{logical_id}.Arn")
        if given is not None:
            return given
        name = self.name_of(logical_id)
        return name if name.startswith("arn:") else self._arn_of(kind, name)

    def _arn_of(self, kind: str, name: str) -> str:
        return _ARNS[kind].format(region=self._region, account=self._account_id, name=name)
