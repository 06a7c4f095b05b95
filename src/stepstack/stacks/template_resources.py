"""The resources of a template: how each type is made, what Ref and Fn::GetAtt give of it, and which of its properties count.

A type that is not in `RESOURCES`, or a property that is not known for its type, is refused with its name. Roles, policies and permissions
are accepted and have no effect: nothing here checks them. Called by `stepstack.stacks.template_application`.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import zipfile
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import urlencode

from stepstack.errors import SettingsError, UnsupportedFeature
from stepstack.stacks.api_gateway import Api
from stepstack.stacks.embedded_request import call_operation
from stepstack.stacks.template import LOCAL_BUCKET, local_path

if TYPE_CHECKING:
    from stepstack.stacks.embedded import EmbeddedServices

__all__ = ["RESOURCES", "Made", "Workshop", "resource_type"]

Json: TypeAlias = dict[str, Any]
StepFunctions: TypeAlias = "Callable[[str, Mapping[str, Any]], Awaitable[Mapping[str, Any]]]"


@dataclass(slots=True)
class Made:
    """A resource that is there."""

    reference: str
    attributes: Mapping[str, Any] = field(default_factory=dict)
    delete: Callable[[], Awaitable[object]] | None = None


@dataclass(frozen=True, slots=True)
class Workshop:
    """Where resources are made."""

    services: EmbeddedServices
    step_functions: StepFunctions
    folder: Path
    stack_name: str
    suffix: str

    @property
    def region(self) -> str:
        return self.services.region

    @property
    def account_id(self) -> str:
        return self.services.account_id

    def name(self, logical_id: str, longest: int = 64) -> str:
        """A name for a resource that has none in the template, as CloudFormation makes them."""
        return f"{self.stack_name}-{logical_id}"[: longest - len(self.suffix) - 1] + f"-{self.suffix}"

    def arn(self, service: str, resource: str) -> str:
        return f"arn:aws:{service}:{self.region}:{self.account_id}:{resource}"

    async def call(self, service: str, operation: str, parameters: Mapping[str, Any]) -> Json:
        """One operation of the embedded services."""
        return await call_operation(self.services.handle, service, operation, parameters, self.region)

    async def rest(self, service: str, method: str, path: str, body: bytes = b"") -> bytes:
        """One request to an embedded service that speaks REST."""
        status, _, answer = await self.services.transport(method, f"http://stack{path}", {}, body, service=service, region=self.region)
        if status >= 300:
            raise SettingsError(f"{method} {path} failed with status {status}: {answer.decode('utf-8', 'replace')[:500]}")
        return answer


Maker: TypeAlias = "Callable[[Workshop, str, Json], Awaitable[Made]]"


@dataclass(frozen=True, slots=True)
class ResourceType:
    """How resources of a type are made; `ignored` properties have no effect here."""

    make: Maker
    properties: frozenset[str]
    ignored: frozenset[str] = frozenset()

    def check(self, logical_id: str, type_name: str, properties: Json) -> None:
        """Raises UnsupportedFeature for a property that is neither used nor known to have no effect."""
        unknown = sorted(properties.keys() - self.properties - self.ignored)
        if unknown and "*" not in self.ignored:
            raise UnsupportedFeature(f"the resource {logical_id} ({type_name}) has the property {unknown[0]}, which is not supported here")


async def _table(workshop: Workshop, logical_id: str, properties: Json) -> Made:
    name = str(properties.get("TableName") or workshop.name(logical_id, 255))
    passed = {key: value for key, value in properties.items() if key not in {"TableName", "TimeToLiveSpecification", "Tags"}}
    passed.pop("PointInTimeRecoverySpecification", None)
    if "StreamSpecification" in passed:
        passed["StreamSpecification"] = {"StreamEnabled": True, **passed["StreamSpecification"]}
    for index in [passed, *(passed.get("GlobalSecondaryIndexes") or [])]:
        if "ProvisionedThroughput" in index:
            index["ProvisionedThroughput"] = {key: int(value) for key, value in index["ProvisionedThroughput"].items()}
    table = (await workshop.call("dynamodb", "CreateTable", {"TableName": name, **passed}))["TableDescription"]
    if "TimeToLiveSpecification" in properties:
        ttl = {"Enabled": True, **properties["TimeToLiveSpecification"]}
        await workshop.call("dynamodb", "UpdateTimeToLive", {"TableName": name, "TimeToLiveSpecification": ttl})
    attributes = {"Arn": table["TableArn"], **({"StreamArn": table["LatestStreamArn"]} if "LatestStreamArn" in table else {})}
    return Made(name, attributes, lambda: workshop.call("dynamodb", "DeleteTable", {"TableName": name}))


async def _bucket(workshop: Workshop, logical_id: str, properties: Json) -> Made:
    name = str(properties.get("BucketName") or workshop.name(logical_id, 63).lower())
    location = f"<CreateBucketConfiguration><LocationConstraint>{workshop.region}</LocationConstraint></CreateBucketConfiguration>"
    await workshop.rest("s3", "PUT", f"/{name}", b"" if workshop.region == "us-east-1" else location.encode())
    if (properties.get("VersioningConfiguration") or {}).get("Status") == "Enabled":
        enabled = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
        await workshop.rest("s3", "PUT", f"/{name}?versioning", enabled)
    notifications = properties.get("NotificationConfiguration")
    if notifications:
        await workshop.rest("s3", "PUT", f"/{name}?notification", _notification(logical_id, notifications))
    attributes = {
        "Arn": f"arn:aws:s3:::{name}",
        "DomainName": f"{name}.s3.amazonaws.com",
        "RegionalDomainName": f"{name}.s3.{workshop.region}.amazonaws.com",
    }

    async def delete() -> None:
        # Objects go with the bucket: the stack is a test's.
        notified = workshop.services.event_sources.notifications
        notified.configurations.pop(name, None)
        await workshop.services.empty_bucket(name)
        await workshop.rest("s3", "DELETE", f"/{name}")

    return Made(name, attributes, delete)


_NOTIFIED = {
    "LambdaConfigurations": ("CloudFunctionConfiguration", "CloudFunction", "Function"),
    "QueueConfigurations": ("QueueConfiguration", "Queue", "Queue"),
    "TopicConfigurations": ("TopicConfiguration", "Topic", "Topic"),
}


def _notification(logical_id: str, notifications: Json) -> bytes:
    unknown = sorted(notifications.keys() - _NOTIFIED.keys())
    if unknown:
        raise UnsupportedFeature(f"the resource {logical_id} has NotificationConfiguration.{unknown[0]}, which is not supported here")
    parts = []
    for kind, (element, target, member) in _NOTIFIED.items():
        for number, entry in enumerate(notifications.get(kind) or []):
            rules = entry.get("Filter", {}).get("S3Key", {}).get("Rules") or []
            shown = "".join(f"<FilterRule><Name>{rule['Name']}</Name><Value>{rule['Value']}</Value></FilterRule>" for rule in rules)
            selected = f"<Filter><S3Key>{shown}</S3Key></Filter>" if shown else ""
            named = f"<Id>{kind}{number}</Id><{target}>{entry[member]}</{target}><Event>{entry['Event']}</Event>"
            parts.append(f"<{element}>{named}{selected}</{element}>")
    body = "".join(parts)
    return f'<NotificationConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{body}</NotificationConfiguration>'.encode()


async def _queue(workshop: Workshop, logical_id: str, properties: Json) -> Made:
    is_fifo = str(properties.get("FifoQueue", "")).lower() == "true"
    name = str(properties.get("QueueName") or workshop.name(logical_id, 75) + (".fifo" if is_fifo else ""))
    attributes = {
        key: json.dumps(value) if isinstance(value, (dict, list)) else str(value).lower() if isinstance(value, bool) else str(value)
        for key, value in properties.items()
        if key not in {"QueueName", "Tags"}
    }
    url = (await workshop.call("sqs", "CreateQueue", {"QueueName": name, "Attributes": attributes}))["QueueUrl"]
    made = {"Arn": workshop.arn("sqs", name), "QueueName": name, "QueueUrl": url}
    return Made(url, made, lambda: workshop.call("sqs", "DeleteQueue", {"QueueUrl": url}))


async def _topic(workshop: Workshop, logical_id: str, properties: Json) -> Made:
    is_fifo = str(properties.get("FifoTopic", "")).lower() == "true"
    name = str(properties.get("TopicName") or workshop.name(logical_id, 200) + (".fifo" if is_fifo else ""))
    attributes = {key: value for key, value in properties.items() if key not in {"TopicName", "Subscription", "Tags"}}
    await _sns(workshop, {"Action": "CreateTopic", "Name": name}, attributes)
    arn = workshop.arn("sns", name)
    for subscription in properties.get("Subscription") or []:
        await _subscription(workshop, logical_id, {**subscription, "TopicArn": arn})
    return Made(arn, {"TopicArn": arn, "TopicName": name}, lambda: _sns(workshop, {"Action": "DeleteTopic", "TopicArn": arn}, {}))


async def _subscription(workshop: Workshop, _logical_id: str, properties: Json) -> Made:
    named = {key: str(properties[key]) for key in ("TopicArn", "Protocol", "Endpoint")}
    attributes = {key: value for key, value in properties.items() if key not in named}
    answer = await _sns(workshop, {"Action": "Subscribe", "ReturnSubscriptionArn": "true", **named}, attributes)
    arn = answer.partition("<SubscriptionArn>")[2].partition("<")[0]
    return Made(arn, {"Arn": arn}, lambda: _sns(workshop, {"Action": "Unsubscribe", "SubscriptionArn": arn}, {}))


async def _sns(workshop: Workshop, parameters: Mapping[str, str], attributes: Json) -> str:
    """One operation of SNS, which speaks the query protocol; its answer's XML."""
    form = {**parameters, "Version": "2010-03-31"}
    for number, (key, value) in enumerate(attributes.items(), 1):
        text = json.dumps(value) if isinstance(value, (dict, list, bool)) else str(value)
        form |= {f"Attributes.entry.{number}.key": key, f"Attributes.entry.{number}.value": text}
    headers = {"content-type": "application/x-www-form-urlencoded"}
    body = urlencode(form).encode()
    status, _, answer = await workshop.services.transport("POST", "http://sns/", headers, body, service="sns", region=workshop.region)
    if status >= 300:
        raise SettingsError(f"{parameters['Action']} failed: {answer.decode('utf-8', 'replace')[:500]}")
    return answer.decode()


async def _log_group(workshop: Workshop, logical_id: str, properties: Json) -> Made:
    name = str(properties.get("LogGroupName") or workshop.name(logical_id, 512))
    await workshop.call("logs", "CreateLogGroup", {"logGroupName": name})
    arn = workshop.arn("logs", f"log-group:{name}:*")
    return Made(name, {"Arn": arn}, lambda: workshop.call("logs", "DeleteLogGroup", {"logGroupName": name}))


async def _function(workshop: Workshop, logical_id: str, properties: Json) -> Made:
    name = str(properties.get("FunctionName") or workshop.name(logical_id))
    code = properties.get("Code") or {}
    functions = workshop.services.lambda_service
    if code.get("S3Bucket") == LOCAL_BUCKET:
        arn = functions.register(
            name,
            local_path(workshop.folder, code["S3Key"], what=f"the code of {logical_id}"),
            handler_name=str(properties.get("Handler", "")),
            timeout_seconds=int(properties.get("Timeout", 3)),
            memory_mb=int(properties.get("MemorySize", 128)),
            variables={key: str(value) for key, value in (properties.get("Environment") or {}).get("Variables", {}).items()},
            runtime=str(properties.get("Runtime", "python3.13")),
            log_group=(properties.get("LoggingConfig") or {}).get("LogGroup"),
        )
    else:
        archive = _inline(str(code["ZipFile"])) if "ZipFile" in code else None
        sent = {**properties, "FunctionName": name, "Code": {"ZipFile": archive} if archive else code}
        sent.pop("Tags", None)
        arn = json.loads(await workshop.rest("lambda", "POST", "/2015-03-31/functions", json.dumps(sent).encode()))["FunctionArn"]

    async def delete() -> None:
        functions.unregister(name)

    return Made(name, {"Arn": arn}, delete)


def _inline(text: str) -> str:
    """Code that stands in the template, as a zip file in base 64."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as bundle:
        bundle.writestr("index.py", text)
    return base64.b64encode(archive.getvalue()).decode()


async def _mapping(workshop: Workshop, _logical_id: str, properties: Json) -> Made:
    sources = workshop.services.event_sources
    mapping = await sources.add_mapping(properties)

    async def delete() -> None:
        mapping.close()
        sources.mappings.pop(mapping.identifier, None)

    return Made(mapping.identifier, {"Id": mapping.identifier}, delete)


async def _state_machine(workshop: Workshop, logical_id: str, properties: Json) -> Made:
    name = str(properties.get("StateMachineName") or workshop.name(logical_id, 80))
    text = _definition(workshop, logical_id, properties)
    for key, value in (properties.get("DefinitionSubstitutions") or {}).items():
        text = text.replace(f"${{{key}}}", str(value))
    parameters: Json = {
        "name": name,
        "definition": text,
        "roleArn": properties.get("RoleArn") or f"arn:aws:iam::{workshop.account_id}:role/{name}",
        "type": properties.get("StateMachineType", "STANDARD"),
    }
    arn = str((await workshop.step_functions("CreateStateMachine", parameters))["stateMachineArn"])
    return Made(arn, {"Arn": arn, "Name": name}, lambda: workshop.step_functions("DeleteStateMachine", {"stateMachineArn": arn}))


def _definition(workshop: Workshop, logical_id: str, properties: Json) -> str:
    if "DefinitionString" in properties:
        return str(properties["DefinitionString"])
    if "Definition" in properties:
        return json.dumps(properties["Definition"])
    location = properties.get("DefinitionS3Location") or {}
    if location.get("Bucket") == LOCAL_BUCKET:
        return local_path(workshop.folder, location.get("Key"), what=f"the definition of {logical_id}").read_text(encoding="utf-8")
    raise UnsupportedFeature(f"the resource {logical_id} has no definition in the template or in a file beside it")


async def _rule(workshop: Workshop, logical_id: str, properties: Json) -> Made:
    if "ScheduleExpression" in properties:
        raise UnsupportedFeature(f"the resource {logical_id} is a schedule, which is not supported here: invoke its target yourself")
    name = str(properties.get("Name") or workshop.name(logical_id))
    bus = str(properties.get("EventBusName") or "default")
    pattern = json.dumps(properties.get("EventPattern"))
    rule = {"Name": name, "EventBusName": bus, "EventPattern": pattern, "State": properties.get("State", "ENABLED")}
    arn = (await workshop.call("events", "PutRule", rule))["RuleArn"]
    targets = properties.get("Targets") or []
    if targets:
        await workshop.call("events", "PutTargets", {"Rule": name, "EventBusName": bus, "Targets": targets})

    async def delete() -> None:
        identifiers = [target["Id"] for target in targets]
        if identifiers:
            await workshop.call("events", "RemoveTargets", {"Rule": name, "EventBusName": bus, "Ids": identifiers})
        await workshop.call("events", "DeleteRule", {"Name": name, "EventBusName": bus})

    return Made(name, {"Arn": arn}, delete)


async def _event_bus(workshop: Workshop, _logical_id: str, properties: Json) -> Made:
    name = str(properties["Name"])
    arn = (await workshop.call("events", "CreateEventBus", {"Name": name}))["EventBusArn"]
    return Made(name, {"Arn": arn, "Name": name}, lambda: workshop.call("events", "DeleteEventBus", {"Name": name}))


async def _api(workshop: Workshop, logical_id: str, properties: Json, *, is_rest: bool) -> Made:
    body = properties.get("Body")
    if not isinstance(body, dict):
        raise UnsupportedFeature(f"the resource {logical_id} has no Body: an API is made from an OpenAPI document here")
    gateway = workshop.services.api_gateway
    identifier = gateway.new_identifier()
    types = tuple(str(kind) for kind in properties.get("BinaryMediaTypes") or ())
    gateway.apis[identifier] = Api(identifier, body, is_rest=is_rest, binary_types=types)
    endpoint = f"{workshop.services.endpoint_url}/execute-api/{identifier}"

    async def delete() -> None:
        gateway.apis.pop(identifier, None)

    return Made(identifier, {"RestApiId": identifier, "ApiId": identifier, "ApiEndpoint": endpoint, "RootResourceId": "root"}, delete)


async def _rest_api(workshop: Workshop, logical_id: str, properties: Json) -> Made:
    return await _api(workshop, logical_id, properties, is_rest=True)


async def _http_api(workshop: Workshop, logical_id: str, properties: Json) -> Made:
    return await _api(workshop, logical_id, properties, is_rest=False)


async def _stage(workshop: Workshop, _logical_id: str, properties: Json) -> Made:
    name = str(properties["StageName"])
    workshop.services.api_gateway.apis[str(properties.get("RestApiId") or properties["ApiId"])].stages.add(name)
    return Made(name)


async def _accepted(workshop: Workshop, logical_id: str, properties: Json) -> Made:
    """Something that has no effect here: roles, policies, permissions, deployments."""
    name = str(properties.get("RoleName") or properties.get("ManagedPolicyName") or workshop.name(logical_id))
    digest = hashlib.sha256(logical_id.encode()).hexdigest()[:16].upper()
    return Made(name, {"Arn": f"arn:aws:iam::{workshop.account_id}:role/{name}", "RoleId": f"AROA{digest}", "Id": name})


async def _custom(workshop: Workshop, logical_id: str, properties: Json) -> Made:
    stack_id = workshop.arn("cloudformation", f"stack/{workshop.stack_name}/{workshop.suffix}")
    event = {"StackId": stack_id, "ResourceType": "AWS::CloudFormation::CustomResource"}
    answers = workshop.services.custom_resources
    url = workshop.services.endpoint_url
    answer = await answers.ask("Create", logical_id, properties, endpoint_url=url, event=event)
    physical_id = str(answer.get("PhysicalResourceId") or workshop.name(logical_id))

    async def delete() -> None:
        await answers.ask("Delete", logical_id, properties, endpoint_url=url, event={**event, "PhysicalResourceId": physical_id})

    return Made(physical_id, answer.get("Data") or {}, delete)


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_CUSTOM = ResourceType(_custom, frozenset({"*"}), frozenset({"*"}))
_WITHOUT_EFFECT = ResourceType(_accepted, frozenset(), frozenset({"*"}))

RESOURCES: Mapping[str, ResourceType] = {
    "AWS::ApiGateway::Deployment": _WITHOUT_EFFECT,
    "AWS::ApiGateway::RestApi": ResourceType(
        _rest_api, _names("Body BinaryMediaTypes"), _names("Description EndpointConfiguration FailOnWarnings Name Parameters Tags")
    ),
    "AWS::ApiGateway::Stage": ResourceType(
        _stage, _names("RestApiId StageName"), _names("AccessLogSetting DeploymentId Description MethodSettings Tags TracingEnabled")
    ),
    "AWS::ApiGatewayV2::Api": ResourceType(
        _http_api, _names("Body"), _names("Description DisableExecuteApiEndpoint FailOnWarnings Name Tags")
    ),
    "AWS::ApiGatewayV2::Stage": ResourceType(
        _stage, _names("ApiId StageName"), _names("AccessLogSettings AutoDeploy DefaultRouteSettings DeploymentId Description Tags")
    ),
    "AWS::CDK::Metadata": _WITHOUT_EFFECT,
    "AWS::CloudFormation::CustomResource": _CUSTOM,
    "AWS::DynamoDB::Table": ResourceType(
        _table,
        _names(
            "AttributeDefinitions BillingMode DeletionProtectionEnabled GlobalSecondaryIndexes KeySchema LocalSecondaryIndexes "
            "PointInTimeRecoverySpecification ProvisionedThroughput SSESpecification StreamSpecification TableClass TableName Tags "
            "TimeToLiveSpecification"
        ),
    ),
    "AWS::Events::EventBus": ResourceType(_event_bus, _names("Name"), _names("Description Tags")),
    "AWS::Events::Rule": ResourceType(
        _rule, _names("EventBusName EventPattern Name ScheduleExpression State Targets"), _names("Description RoleArn Tags")
    ),
    "AWS::IAM::ManagedPolicy": _WITHOUT_EFFECT,
    "AWS::IAM::Policy": _WITHOUT_EFFECT,
    "AWS::IAM::Role": _WITHOUT_EFFECT,
    "AWS::Lambda::EventSourceMapping": ResourceType(
        _mapping,
        _names(
            "BatchSize BisectBatchOnFunctionError DestinationConfig Enabled EventSourceArn FilterCriteria FunctionName "
            "FunctionResponseTypes MaximumBatchingWindowInSeconds MaximumRecordAgeInSeconds MaximumRetryAttempts "
            "ParallelizationFactor ScalingConfig "
            "StartingPosition TumblingWindowInSeconds"
        ),
        _names("Tags"),
    ),
    "AWS::Lambda::Function": ResourceType(
        _function,
        _names("Code Environment FunctionName Handler Layers LoggingConfig MemorySize PackageType Role Runtime Timeout"),
        _names("Architectures Description EphemeralStorage RecursiveLoop RuntimeManagementConfig Tags TracingConfig VpcConfig"),
    ),
    "AWS::Lambda::Permission": _WITHOUT_EFFECT,
    "AWS::Logs::LogGroup": ResourceType(_log_group, _names("LogGroupName"), _names("KmsKeyId LogGroupClass RetentionInDays Tags")),
    "AWS::S3::Bucket": ResourceType(
        _bucket,
        _names("BucketName NotificationConfiguration VersioningConfiguration"),
        _names(
            "AccessControl BucketEncryption CorsConfiguration LifecycleConfiguration LoggingConfiguration OwnershipControls "
            "PublicAccessBlockConfiguration Tags"
        ),
    ),
    "AWS::S3::BucketPolicy": _WITHOUT_EFFECT,
    "AWS::SNS::Subscription": ResourceType(
        _subscription, _names("Endpoint FilterPolicy FilterPolicyScope Protocol RawMessageDelivery TopicArn"), _names("Region")
    ),
    "AWS::SNS::Topic": ResourceType(
        _topic, _names("ContentBasedDeduplication DisplayName FifoTopic KmsMasterKeyId Subscription Tags TopicName")
    ),
    "AWS::SNS::TopicPolicy": _WITHOUT_EFFECT,
    "AWS::SQS::Queue": ResourceType(
        _queue,
        _names(
            "ContentBasedDeduplication DeduplicationScope DelaySeconds FifoQueue FifoThroughputLimit KmsMasterKeyId MaximumMessageSize "
            "MessageRetentionPeriod QueueName ReceiveMessageWaitTimeSeconds RedrivePolicy SqsManagedSseEnabled Tags VisibilityTimeout"
        ),
    ),
    "AWS::SQS::QueuePolicy": _WITHOUT_EFFECT,
    "AWS::StepFunctions::StateMachine": ResourceType(
        _state_machine,
        _names("Definition DefinitionS3Location DefinitionString DefinitionSubstitutions RoleArn StateMachineName StateMachineType"),
        _names("LoggingConfiguration Tags TracingConfiguration"),
    ),
}


def resource_type(name: str) -> ResourceType | None:
    """The resource type of that name; None where it is not supported."""
    return _CUSTOM if name.startswith("Custom::") else RESOURCES.get(name)
