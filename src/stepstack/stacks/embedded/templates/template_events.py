"""What brings events to functions and state machines, in a template: mappings, topics, rules, schedules.

Called by `template_resources`, which lists the types.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from urllib.parse import urlencode

from stepstack.stacks.embedded.events.event_targets import KNOWN_TARGETS, EventTargets
from stepstack.stacks.embedded.functions.lambda_asynchronous import change_configuration
from stepstack.stacks.embedded.functions.lambda_function import LATEST
from stepstack.stacks.embedded.templates.template_workshop import Json, Made, ResourceType, Workshop, names, undone

__all__ = ["EVENTS"]

_log = logging.getLogger("stepstack.embedded")

_OF_NO_EFFECT = names("KmsKeyArn LoggingConfig MetricsConfig ProvisionedPollerConfig ScalingConfig Tags")
"""What a mapping may have and what changes nothing here."""


async def _mapping(workshop: Workshop, _logical_id: str, properties: Json) -> Made:
    sources = workshop.services.event_sources
    mapping = await sources.add_mapping({name: value for name, value in properties.items() if name not in _OF_NO_EFFECT})

    async def delete() -> None:
        mapping.close()
        sources.mappings.pop(mapping.identifier, None)

    return Made(mapping.identifier, {"Id": mapping.identifier}, delete)


async def _topic(workshop: Workshop, logical_id: str, properties: Json) -> Made:
    is_fifo = str(properties.get("FifoTopic", "")).lower() == "true"
    name = str(properties.get("TopicName") or workshop.name(logical_id, 200) + (".fifo" if is_fifo else ""))
    attributes = {key: value for key, value in properties.items() if key not in {"TopicName", "Subscription", "Tags"}}
    await _sns(workshop, {"Action": "CreateTopic", "Name": name}, attributes)
    arn = workshop.arn("sns", name)

    async def delete() -> None:
        await _sns(workshop, {"Action": "DeleteTopic", "TopicArn": arn}, {})

    async with undone(delete):
        for subscription in properties.get("Subscription") or []:
            await _subscription(workshop, logical_id, {**subscription, "TopicArn": arn})
    return Made(arn, {"TopicArn": arn, "TopicName": name}, delete)


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
    return (await workshop.send("sns", "POST", "/", headers, urlencode(form).encode())).decode()


async def _rule(workshop: Workshop, logical_id: str, properties: Json) -> Made:
    name = str(properties.get("Name") or workshop.name(logical_id))
    bus = str(properties.get("EventBusName") or "default")
    rule: Json = {"Name": name, "EventBusName": bus, "State": properties.get("State", "ENABLED")}
    if "EventPattern" in properties:
        rule["EventPattern"] = json.dumps(properties["EventPattern"])
    if "ScheduleExpression" in properties:
        rule["ScheduleExpression"] = properties["ScheduleExpression"]
    arn = (await workshop.call("events", "PutRule", rule))["RuleArn"]
    targets = properties.get("Targets") or []
    for unheard in [target["Arn"] for target in targets if not EventTargets.is_known(str(target["Arn"])) and ":logs:" not in target["Arn"]]:
        _log.warning("the resource %s sends events to %s, where none arrive: rules reach %s here", logical_id, unheard, KNOWN_TARGETS)

    async def delete() -> None:
        identifiers = [target["Id"] for target in targets]
        if identifiers:
            await workshop.call("events", "RemoveTargets", {"Rule": name, "EventBusName": bus, "Ids": identifiers})
        await workshop.call("events", "DeleteRule", {"Name": name, "EventBusName": bus})

    async with undone(delete):
        if targets:
            await workshop.call("events", "PutTargets", {"Rule": name, "EventBusName": bus, "Targets": targets})
    return Made(name, {"Arn": arn}, delete)


async def _event_bus(workshop: Workshop, _logical_id: str, properties: Json) -> Made:
    name = str(properties["Name"])
    arn = (await workshop.call("events", "CreateEventBus", {"Name": name}))["EventBusArn"]
    return Made(name, {"Arn": arn, "Name": name}, lambda: workshop.call("events", "DeleteEventBus", {"Name": name}))


async def _connection(workshop: Workshop, logical_id: str, properties: Json) -> Made:
    """What `http:invoke` tasks are authorised by; its secret is kept by moto."""
    asked: Json = {name: properties[name] for name in ("AuthorizationType", "AuthParameters", "Description") if name in properties}
    name = str(properties.get("Name") or workshop.name(logical_id))
    arn = (await workshop.call("events", "CreateConnection", {"Name": name, **asked}))["ConnectionArn"]
    described = await workshop.call("events", "DescribeConnection", {"Name": name})
    attributes = {"Arn": arn, "ArnForPolicy": arn, "SecretArn": described.get("SecretArn", "")}
    return Made(name, attributes, lambda: workshop.call("events", "DeleteConnection", {"Name": name}))


async def _schedule(workshop: Workshop, logical_id: str, properties: Json) -> Made:
    name = str(properties.get("Name") or workshop.name(logical_id))
    group = str(properties.get("GroupName") or "default")
    body = {key: value for key, value in properties.items() if key != "Name"}
    answer = await workshop.rest("scheduler", "POST", f"/schedules/{name}", json.dumps(body).encode())
    arn = json.loads(answer)["ScheduleArn"]
    return Made(name, {"Arn": arn}, lambda: workshop.rest("scheduler", "DELETE", f"/schedules/{name}?groupName={group}"))


async def _schedule_group(workshop: Workshop, logical_id: str, properties: Json) -> Made:
    name = str(properties.get("Name") or workshop.name(logical_id))
    arn = json.loads(await workshop.rest("scheduler", "POST", f"/schedule-groups/{name}", b"{}"))["ScheduleGroupArn"]
    return Made(name, {"Arn": arn}, lambda: workshop.rest("scheduler", "DELETE", f"/schedule-groups/{name}"))


async def _invoke_configuration(workshop: Workshop, _logical_id: str, properties: Json) -> Made:
    functions = workshop.services.lambda_service
    function = functions.base_of(functions.function(str(properties["FunctionName"])))
    qualifier = str(properties.get("Qualifier") or LATEST)
    change_configuration(function, qualifier, properties, is_update=False)

    async def delete() -> None:
        function.invoke_configurations.pop(qualifier, None)

    return Made(f"{function.name}:{qualifier}", {}, delete)


EVENTS = {
    "AWS::Events::Connection": ResourceType(
        _connection, names("AuthParameters AuthorizationType Description Name"), names("InvocationConnectivityParameters KmsKeyIdentifier")
    ),
    "AWS::Events::EventBus": ResourceType(_event_bus, names("Name"), names("Description Tags")),
    "AWS::Events::Rule": ResourceType(
        _rule, names("EventBusName EventPattern Name ScheduleExpression State Targets"), names("Description RoleArn Tags")
    ),
    "AWS::Lambda::EventInvokeConfig": ResourceType(
        _invoke_configuration, names("DestinationConfig FunctionName MaximumEventAgeInSeconds MaximumRetryAttempts Qualifier")
    ),
    "AWS::Lambda::EventSourceMapping": ResourceType(
        _mapping,
        names(
            "BatchSize BisectBatchOnFunctionError DestinationConfig Enabled EventSourceArn FilterCriteria FunctionName "
            "FunctionResponseTypes MaximumBatchingWindowInSeconds MaximumRecordAgeInSeconds MaximumRetryAttempts "
            "ParallelizationFactor StartingPosition TumblingWindowInSeconds"
        ),
        _OF_NO_EFFECT,
    ),
    "AWS::Scheduler::Schedule": ResourceType(
        _schedule,
        names(
            "ActionAfterCompletion EndDate FlexibleTimeWindow GroupName Name ScheduleExpression ScheduleExpressionTimezone StartDate State "
            "Target"
        ),
        names("Description KmsKeyArn"),
    ),
    "AWS::Scheduler::ScheduleGroup": ResourceType(_schedule_group, names("Name"), names("Tags")),
    "AWS::SNS::Subscription": ResourceType(
        _subscription,
        names("Endpoint FilterPolicy FilterPolicyScope Protocol RawMessageDelivery TopicArn"),
        names("Region SubscriptionRoleArn"),
    ),
    "AWS::SNS::Topic": ResourceType(
        _topic, names("ContentBasedDeduplication DisplayName FifoTopic KmsMasterKeyId Subscription Tags TopicName")
    ),
}
