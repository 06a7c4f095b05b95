"""`Integrations`: what stands behind every Task of every execution.

It is the interpreter's `TaskRunner`, and holds the parser's `ResourceCatalog`; `stepstack.assembly` makes one for an engine. A mock
answers before anything is called. What is called is decided by the resource alone: a function, an `aws-sdk` operation, or an optimized
integration. Source: AWS's developer guide, "Integrating services", and recorded answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from stepstack.clock import Randomness
from stepstack.integrations.api_gateway import ApiGateway
from stepstack.integrations.assumed_role import RoleCaller
from stepstack.integrations.attribute_names import in_wire_spelling
from stepstack.integrations.catalog import SDK, IntegrationCatalog, sdk_operation, supported_parameters
from stepstack.integrations.dynamodb import ITEM_OPERATIONS, DynamoDbItems
from stepstack.integrations.emr_names import with_ids
from stepstack.integrations.endpoints import EndpointMissing, Endpoints
from stepstack.integrations.http_client import HttpClient
from stepstack.integrations.http_task import HttpEndpoints
from stepstack.integrations.jobs import JobFollower
from stepstack.integrations.lambda_function import LambdaFunctions, invocation_answer
from stepstack.integrations.mocks import Mocks
from stepstack.integrations.nested_executions import NestedExecutions
from stepstack.integrations.optimized import OptimizedAction
from stepstack.integrations.optimized_actions import optimized_action
from stepstack.integrations.queue_url import check_queue_url
from stepstack.integrations.request_forms import ANSWER_FORMS, REQUEST_FORMS, STARTED_FORMS
from stepstack.integrations.sdk_metadata import sdk_metadata
from stepstack.integrations.service_call import Refusal, Reply, ServiceCaller, Unreachable, Unsendable
from stepstack.integrations.service_model import Operation, describe
from stepstack.integrations.shapes import epoch_milliseconds, epoch_seconds, iso_timestamp
from stepstack.integrations.task_errors import cannot_be_called, optimized_failure, sdk_failure, unreachable
from stepstack.interpreter.ports import TaskCall, TaskFailed
from stepstack.json_types import Json, JsonObject, json_text, parse_json
from stepstack.language.resources import ResourceKind, TaskResource

__all__ = ["Integrations"]

ROLES_KEPT = 100


class _Callers:
    """All that calls services with the same keys."""

    def __init__(self, endpoints: Endpoints, services: ServiceCaller) -> None:
        self.services = services
        self.items = DynamoDbItems(endpoints, services)
        self.functions = LambdaFunctions(services)
        self.nested = NestedExecutions(endpoints, services)
        self.jobs = JobFollower(services)


class Integrations:
    """Calls services where `endpoints` says they are, unless `mocks` answers."""

    def __init__(self, endpoints: Endpoints, *, mocks: Mocks | None = None, randomness: Randomness | None = None) -> None:
        self.endpoints = endpoints
        self.mocks = mocks if mocks is not None else Mocks()
        self._randomness = randomness or Randomness()
        self._http = HttpClient()
        self.catalog = IntegrationCatalog()
        self._own = _Callers(endpoints, ServiceCaller(endpoints, self._http, self._randomness))
        self._of_roles: dict[str, _Callers] = {}
        self._api_gateway = ApiGateway(self._http, endpoints)
        self._http_endpoints = HttpEndpoints(self._http, endpoints, self._own.services)

    async def close(self) -> None:
        """Closes the kept connections."""
        await self._http.close()

    def problem(self, call: TaskCall) -> str | None:
        """Why the parameters cannot start the task, in AWS's words; None where they can."""
        resource = call.resource
        if resource.kind is not ResourceKind.SERVICE:
            return None
        problems = _sdk_problems(call) if resource.service.startswith(SDK) else _optimized_problems(call, _known_action(resource))
        return ", ".join(problems) or None

    def is_mocked(self, call: TaskCall) -> bool:
        return self.mocks.is_mocked(call)

    async def request(self, call: TaskCall) -> Json:
        """The answer of what the resource names. Raises TaskFailed."""
        if self.mocks.is_mocked(call):
            return await self.mocks.answer(call)
        resource = call.resource
        try:
            if resource.kind is ResourceKind.LAMBDA_FUNCTION:
                return await self._function(call)
            if resource.service.startswith(SDK):
                return await self._sdk(call)
            return await self._optimized(call, _known_action(resource))
        except (EndpointMissing, Unsendable) as error:
            raise cannot_be_called(str(error)) from error

    async def completion(self, call: TaskCall, submitted: Json) -> Json:
        """What the ended job answers, for `.sync`. Raises TaskFailed."""
        action = _known_action(call.resource)
        try:
            if action.service.name == "states":
                return await self._callers(call).nested.completion(call, _execution_arn(submitted))
            if action.job is None:
                raise cannot_be_called(f"stepstack cannot follow jobs of {call.resource.arn}; mock the state '{call.state_name}'")
            request, started = self._as_sent(action, call, submitted)
            return await self._callers(call).jobs.completion(action, action.job, call, request, started)
        except (EndpointMissing, Unsendable) as error:
            raise cannot_be_called(str(error)) from error
        except Refusal as refusal:
            raise optimized_failure(refusal, action.service, self._randomness.uuid()) from refusal
        except Unreachable as error:
            raise unreachable(action.service.error_prefix, str(error)) from error

    async def abandon(self, call: TaskCall, submitted: Json) -> None:
        """Stops the job of a stopped execution, best effort."""
        action = _known_action(call.resource)
        if action.service.name == "states":
            await self._callers(call).nested.stop(_execution_arn(submitted))
        elif action.job is not None:
            request, started = self._as_sent(action, call, submitted)
            await self._callers(call).jobs.stop(action, action.job, request, started)

    def _callers(self, call: TaskCall) -> _Callers:
        """Those for the role that the task is to be done in."""
        role_arn = call.credentials.get("RoleArn") if call.credentials is not None else None
        if not self.endpoints.allow_aws or not isinstance(role_arn, str):
            return self._own
        callers = self._of_roles.get(role_arn)
        if callers is None:
            if len(self._of_roles) >= ROLES_KEPT:
                del self._of_roles[next(iter(self._of_roles))]
            caller = RoleCaller(role_arn, self.endpoints, self._http, self._randomness)
            callers = self._of_roles[role_arn] = _Callers(self.endpoints, caller)
        return callers

    async def _function(self, call: TaskCall) -> Json:
        try:
            return await self._callers(call).functions.result(
                call.resource.arn, call.parameters, call.timeline, region=call.resource.region or None
            )
        except Refusal as refusal:
            raise optimized_failure(refusal, _LAMBDA.service, self._randomness.uuid()) from refusal
        except Unreachable as error:
            raise unreachable(_LAMBDA.service.error_prefix, str(error)) from error

    async def _sdk(self, call: TaskCall) -> Json:
        operation = sdk_operation(call.resource)
        if operation is None:
            raise cannot_be_called(
                f"The installed botocore does not describe {call.resource.arn}, so that stepstack cannot call it; "
                f"mock the state '{call.state_name}'"
            )
        try:
            reply = await self._sdk_reply(operation, call)
        except Refusal as refusal:
            raise sdk_failure(refusal, self._randomness.uuid()) from refusal
        except Unreachable as error:
            raise unreachable(operation.service.prefix, str(error), operation.service) from error
        if operation.service.name == "dynamodb" and operation.name in ITEM_OPERATIONS:
            return dict(reply.content)
        return operation.answer(is_sdk=True).states_members(reply.content, iso_timestamp)

    async def _sdk_reply(self, operation: Operation, call: TaskCall) -> Reply:
        service = operation.service.name
        callers = self._callers(call)
        if service == "dynamodb" and operation.name in ITEM_OPERATIONS:
            return await callers.items.sdk_call(operation.name, cast("JsonObject", call.parameters))
        params = operation.parameters(is_sdk=True).request(call.parameters)
        if service == "stepfunctions":
            return await callers.nested.sdk_call(operation.name, params, call.timeline)
        if service == "sqs" and operation.name == "ReceiveMessage" and params.get("WaitTimeSeconds"):
            with call.timeline.held():
                return await callers.services.call(service, operation.name, params)
        return await callers.services.call(service, operation.name, params)

    async def _optimized(self, call: TaskCall, action: OptimizedAction) -> Json:
        service = action.service
        if service.name == "apigateway":
            return await self._api_gateway.invoke(cast("JsonObject", call.parameters))
        if service.name == "http":
            return await self._http_endpoints.invoke(cast("JsonObject", call.parameters))
        if not action.operation:
            raise cannot_be_called(f"stepstack cannot call {call.resource.arn}; mock the state '{call.state_name}'")
        try:
            reply = await self._optimized_reply(call, action)
        except Refusal as refusal:
            raise optimized_failure(refusal, service, self._randomness.uuid()) from refusal
        except Unreachable as error:
            raise unreachable(service.error_prefix, str(error)) from error
        return self._optimized_answer(call, action, reply)

    async def _optimized_reply(self, call: TaskCall, action: OptimizedAction) -> Reply:
        api = action.service.api
        callers = self._callers(call)
        if api == "dynamodb":
            return await callers.items.call(action.operation, cast("JsonObject", call.parameters))
        params = _as_api(call, action)
        if api == "lambda":
            return await callers.functions.invoke(params, call.timeline)
        if api == "stepfunctions":
            return await callers.nested.start(params, call)
        if api == "sqs":
            await check_queue_url(str(params.get("QueueUrl", "")), self.endpoints)
        if api == "emr":
            params = dict(await with_ids(action.operation, params, callers.services))
        return await callers.services.call(api, action.operation, params)

    def _optimized_answer(self, call: TaskCall, action: OptimizedAction, reply: Reply) -> Json:
        service = action.service
        answer: dict[str, Json]
        if service.api == "dynamodb":
            answer = dict(reply.content)
        elif service.api == "lambda":
            answer = invocation_answer(reply)
        else:
            shape = describe(service.api).operation(action.operation).answer(is_sdk=False)
            answer = shape.states_members(reply.content, epoch_seconds if service.api == "s3" else epoch_milliseconds)
            if call.body_as_latin_1:
                answer["Body"] = bytes(reply.content["Body"]).decode("latin-1")
        for name in action.json_answers:
            if name in answer:
                answer[name] = _json_or_text(answer[name])
        form = ANSWER_FORMS.get((service.name, action.action))
        if form is not None:
            answer = form(answer)
        if service.name == "events" and answer.get("FailedEntryCount"):
            raise TaskFailed("EventBridge.FailedEntry", json_text(answer))
        if service.has_metadata:
            answer.update(sdk_metadata(service.api, reply, self._randomness.uuid()))
        return {name: answer[name] for name in sorted(answer)}

    @staticmethod
    def _as_sent(action: OptimizedAction, call: TaskCall, submitted: Json) -> tuple[Mapping[str, Any], Any]:
        """The request of a started job, and the answer to it, in the API's spelling."""
        form = STARTED_FORMS.get((action.service.name, action.action))
        started = form(cast("JsonObject", submitted)) if form is not None else submitted
        shape = describe(action.service.api).operation(action.operation).answer(is_sdk=False)
        return _as_api(call, action), shape.request(started)


def _known_action(resource: TaskResource) -> OptimizedAction:
    action = optimized_action(resource.service, resource.action)
    if action is None:
        raise TaskFailed("States.Runtime", f"The resource provided {resource.arn} is not recognized.")
    return action


def _sdk_problems(call: TaskCall) -> list[str]:
    operation = sdk_operation(call.resource)
    if operation is None:
        return []
    if operation.service.name == "dynamodb" and operation.name in ITEM_OPERATIONS:
        return operation.parameters(is_sdk=False).problems(in_wire_spelling(call.parameters), "Parameters")
    return operation.parameters(is_sdk=True).problems(call.parameters, "Parameters")


def _optimized_problems(call: TaskCall, action: OptimizedAction) -> list[str]:
    parameters = call.parameters
    if not isinstance(parameters, Mapping):
        return ["The value for the field 'Parameters' must be an OBJECT"]
    refused = [name for name in action.refused if name in parameters]
    if refused:
        return [f"stepstack does not support the parameter {name} of {call.resource.arn}" for name in refused]
    supported = supported_parameters(action)
    problems = [f"The field '{name}' is not supported by Step Functions" for name in parameters if name not in supported]
    problems += [f"The field '{name}' is required but was missing" for name in action.required if name not in parameters]
    if not problems and action.service.name == "apigateway":
        problems = _header_problems(parameters)
    if problems or not action.operation:
        return problems
    shape = describe(action.service.api).operation(action.operation).parameters(is_sdk=False)
    return shape.problems(_in_form(call, action), "Parameters", action.json_parameters)


def _header_problems(parameters: JsonObject) -> list[str]:
    headers = parameters.get("Headers")
    if headers is None or (isinstance(headers, Mapping) and all(isinstance(value, (list, tuple)) for value in headers.values())):
        return []
    return ["The value of the field 'Headers' has an invalid format"]


def _in_form(call: TaskCall, action: OptimizedAction) -> JsonObject:
    form = REQUEST_FORMS.get((action.service.name, action.action))
    parameters = cast("JsonObject", call.parameters)
    return form(parameters, call) if form is not None else parameters


def _as_api(call: TaskCall, action: OptimizedAction) -> dict[str, Any]:
    shape = describe(action.service.api).operation(action.operation).parameters(is_sdk=False)
    return shape.api_members(_in_form(call, action), action.json_parameters)


def _execution_arn(submitted: Json) -> str:
    return str(submitted.get("ExecutionArn", "")) if isinstance(submitted, Mapping) else ""


def _json_or_text(value: Json) -> Json:
    if not isinstance(value, str):
        return value
    try:
        return parse_json(value)
    except ValueError:
        return value


_LAMBDA = cast("OptimizedAction", optimized_action("lambda", "invoke"))
