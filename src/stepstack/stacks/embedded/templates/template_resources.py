"""The resources of a template: how each type is made, what Ref and Fn::GetAtt give of it, and which of its properties count.

A type that is not in `RESOURCES`, or a property that is not known for its type, is refused with its name. Called by `template_application`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from xml.sax.saxutils import escape

from stepstack.errors import UnsupportedFeature
from stepstack.stacks.embedded.templates.template import local_path
from stepstack.stacks.embedded.templates.template_apis import APIS
from stepstack.stacks.embedded.templates.template_events import EVENTS
from stepstack.stacks.embedded.templates.template_functions import FUNCTIONS
from stepstack.stacks.embedded.templates.template_intrinsics import value_text
from stepstack.stacks.embedded.templates.template_pipes import PIPES
from stepstack.stacks.embedded.templates.template_secrets import SECRETS
from stepstack.stacks.embedded.templates.template_state_machines import STATE_MACHINES
from stepstack.stacks.embedded.templates.template_without_effect import WITHOUT_EFFECT
from stepstack.stacks.embedded.templates.template_workshop import Json, Made, ResourceType, Workshop, names, undone

__all__ = ["RESOURCES", "resource_type"]

CUSTOM = "AWS::CloudFormation::CustomResource"


_NOT_OF_CREATE_TABLE = names(
    "ContributorInsightsSpecification OnDemandThroughput PointInTimeRecoverySpecification ResourcePolicy TableName Tags "
    "TimeToLiveSpecification WarmThroughput"
)


async def _table(workshop: Workshop, logical_id: str, properties: Json) -> Made:
    name = str(properties.get("TableName") or workshop.name(logical_id, 255))
    passed = {key: value for key, value in properties.items() if key not in _NOT_OF_CREATE_TABLE}
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

    async def delete() -> None:
        if "DeletionProtectionEnabled" in passed:
            # CloudFormation would leave the table; a test's stack leaves nothing.
            await workshop.call("dynamodb", "UpdateTable", {"TableName": name, "DeletionProtectionEnabled": False})
        await workshop.call("dynamodb", "DeleteTable", {"TableName": name})

    return Made(name, attributes, delete)


async def _bucket(workshop: Workshop, logical_id: str, properties: Json) -> Made:
    name = str(properties.get("BucketName") or workshop.name(logical_id, 63).lower())
    notifications = properties.get("NotificationConfiguration")
    notified = _notification(logical_id, notifications) if notifications else b""
    location = f"<CreateBucketConfiguration><LocationConstraint>{workshop.region}</LocationConstraint></CreateBucketConfiguration>"
    await workshop.rest("s3", "PUT", f"/{name}", b"" if workshop.region == "us-east-1" else location.encode())
    attributes = {
        "Arn": f"arn:aws:s3:::{name}",
        "DomainName": f"{name}.s3.amazonaws.com",
        "RegionalDomainName": f"{name}.s3.{workshop.region}.amazonaws.com",
    }

    async def delete() -> None:
        # Objects go with the bucket: the stack is a test's.
        workshop.services.event_sources.notifications.forget(name)
        await workshop.services.empty_bucket(name)
        await workshop.rest("s3", "DELETE", f"/{name}")

    async with undone(delete):
        if (properties.get("VersioningConfiguration") or {}).get("Status") == "Enabled":
            enabled = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
            await workshop.rest("s3", "PUT", f"/{name}?versioning", enabled)
        if notified:
            await workshop.rest("s3", "PUT", f"/{name}?notification", notified)
    return Made(name, attributes, delete)


_NOTIFIED = {
    "LambdaConfigurations": ("CloudFunctionConfiguration", "CloudFunction", "Function"),
    "QueueConfigurations": ("QueueConfiguration", "Queue", "Queue"),
    "TopicConfigurations": ("TopicConfiguration", "Topic", "Topic"),
}


def _notification(logical_id: str, notifications: Json) -> bytes:
    unknown = sorted(notifications.keys() - {*_NOTIFIED, "EventBridgeConfiguration"})
    if unknown:
        raise UnsupportedFeature(f"the resource {logical_id} has NotificationConfiguration.{unknown[0]}, which is not supported here")
    parts = []
    for kind, (element, target, member) in _NOTIFIED.items():
        for number, entry in enumerate(notifications.get(kind) or []):
            rules = entry.get("Filter", {}).get("S3Key", {}).get("Rules") or []
            named_rules = [(rule["Name"], escape(str(rule["Value"]))) for rule in rules]
            shown = "".join(f"<FilterRule><Name>{name}</Name><Value>{value}</Value></FilterRule>" for name, value in named_rules)
            selected = f"<Filter><S3Key>{shown}</S3Key></Filter>" if shown else ""
            named = f"<Id>{kind}{number}</Id><{target}>{entry[member]}</{target}><Event>{entry['Event']}</Event>"
            parts.append(f"<{element}>{named}{selected}</{element}>")
    bridge = notifications.get("EventBridgeConfiguration")
    # The object is enough: EventBridgeEnabled is true unless it is said to be false.
    if bridge is not None and str(bridge.get("EventBridgeEnabled", True)).lower() == "true":
        parts.append("<EventBridgeConfiguration/>")
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


async def _log_group(workshop: Workshop, logical_id: str, properties: Json) -> Made:
    name = str(properties.get("LogGroupName") or workshop.name(logical_id, 512))
    await workshop.call("logs", "CreateLogGroup", {"logGroupName": name})
    arn = workshop.arn("logs", f"log-group:{name}:*")
    return Made(name, {"Arn": arn}, lambda: workshop.call("logs", "DeleteLogGroup", {"logGroupName": name}))


async def _custom(workshop: Workshop, logical_id: str, properties: Json, *, type_name: str = CUSTOM) -> Made:
    stack_id = workshop.arn("cloudformation", f"stack/{workshop.stack_name}/{workshop.suffix}")
    event = {"StackId": stack_id, "ResourceType": type_name}
    answers = workshop.services.custom_resources
    url = workshop.services.endpoint_url
    answer = await answers.ask("Create", logical_id, properties, endpoint_url=url, event=event)
    physical_id = str(answer.get("PhysicalResourceId") or workshop.name(logical_id))

    async def delete() -> None:
        await answers.ask("Delete", logical_id, properties, endpoint_url=url, event={**event, "PhysicalResourceId": physical_id})

    return Made(physical_id, answer.get("Data") or {}, delete)


async def _nested(workshop: Workshop, logical_id: str, properties: Json) -> Made:
    """A stack of its own, from a template beside this one."""
    from stepstack.stacks.embedded.templates.template_application import deploy

    location = str(properties.get("TemplateURL"))
    if "://" in location:
        raise UnsupportedFeature(f"the resource {logical_id} has its template at {location}: only templates beside this one are supported")
    path = local_path(workshop.folder, location, what=f"the template of {logical_id}")
    if path in workshop.outer:
        raise UnsupportedFeature(f"the resource {logical_id} deploys the template that it is in: {path}")
    given = {
        name: ",".join(map(value_text, value)) if isinstance(value, list) else value_text(value)
        for name, value in (properties.get("Parameters") or {}).items()
    }
    services, step_functions = workshop.services, workshop.step_functions
    outer = (*workshop.outer, path)
    application = await deploy(path, services, step_functions, name=workshop.name(logical_id, 128), parameters=given, outer=outer)
    attributes = {f"Outputs.{name}": value for name, value in application.outputs.items()}
    return Made(application.stack_id, attributes, application.delete)


RESOURCES: Mapping[str, ResourceType] = {
    **APIS,
    **EVENTS,
    **FUNCTIONS,
    **PIPES,
    **SECRETS,
    **STATE_MACHINES,
    **WITHOUT_EFFECT,
    "AWS::CloudFormation::Stack": ResourceType(_nested, names("Parameters TemplateURL"), names("NotificationARNs Tags TimeoutInMinutes")),
    CUSTOM: ResourceType(_custom, frozenset({"*"}), frozenset({"*"})),
    "AWS::DynamoDB::Table": ResourceType(
        _table,
        names(
            "AttributeDefinitions BillingMode DeletionProtectionEnabled GlobalSecondaryIndexes KeySchema LocalSecondaryIndexes "
            "PointInTimeRecoverySpecification ProvisionedThroughput SSESpecification StreamSpecification TableClass TableName Tags "
            "TimeToLiveSpecification"
        ),
        names("ContributorInsightsSpecification OnDemandThroughput ResourcePolicy WarmThroughput"),
    ),
    "AWS::Logs::LogGroup": ResourceType(
        _log_group, names("LogGroupName"), names("DataProtectionPolicy FieldIndexPolicies KmsKeyId LogGroupClass RetentionInDays Tags")
    ),
    "AWS::S3::Bucket": ResourceType(
        _bucket,
        names("BucketName NotificationConfiguration VersioningConfiguration"),
        names(
            "AccessControl AnalyticsConfigurations BucketEncryption CorsConfiguration IntelligentTieringConfigurations "
            "InventoryConfigurations LifecycleConfiguration LoggingConfiguration MetricsConfigurations OwnershipControls "
            "PublicAccessBlockConfiguration Tags"
        ),
    ),
    "AWS::SQS::Queue": ResourceType(
        _queue,
        names(
            "ContentBasedDeduplication DeduplicationScope DelaySeconds FifoQueue FifoThroughputLimit KmsMasterKeyId MaximumMessageSize "
            "MessageRetentionPeriod QueueName ReceiveMessageWaitTimeSeconds RedriveAllowPolicy RedrivePolicy SqsManagedSseEnabled Tags "
            "VisibilityTimeout"
        ),
    ),
}


def resource_type(name: str) -> ResourceType | None:
    """The resource type of that name; None where it is not supported."""
    if name.startswith("Custom::"):
        return ResourceType(partial(_custom, type_name=name), frozenset({"*"}), frozenset({"*"}))
    return RESOURCES.get(name)
