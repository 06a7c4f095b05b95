"""AWS Lambda in this process: functions, their versions and aliases, and their invocation.

moto's Lambda starts a Docker container for each invocation; this one runs Python handlers in the test's own process, so that they can be
patched, debugged and covered. Functions come from CreateFunction (zip files) or are registered as Python callables,
`module:handler` strings or folders.

Called by `lambda_api` (HTTP), by the integrations (`invoke`) and by the plugin (`register`). All of it runs on one
asyncio loop at a time; handlers run in threads (`lambda_runtime`). Left out: runtimes other than Python, container images, concurrency
limits. Concurrent invocations of a function share its modules, where AWS would give each an environment of its own. Functions with a
DurableConfig are invoked by `durable_executions`, which calls back here for each of their invocations.
"""

from __future__ import annotations

import asyncio
import base64
import copy
import hashlib
import logging
import os
import re
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, TypeAlias

from stepstack.clock import Clock, Randomness, Timeline
from stepstack.errors import ServiceError
from stepstack.stacks.embedded.functions.durable_executions import DurableExecutions, DurableStart
from stepstack.stacks.embedded.functions.durable_sdk import renew_client
from stepstack.stacks.embedded.functions.lambda_asynchronous import AsynchronousInvocation, Send
from stepstack.stacks.embedded.functions.lambda_code import CallableCode, Code, FolderCode, named_handler
from stepstack.stacks.embedded.functions.lambda_context import LambdaContext
from stepstack.stacks.embedded.functions.lambda_function import DEFAULT_RUNTIME, LATEST, SETTABLE, Function, InvokeResult, new_configuration
from stepstack.stacks.embedded.functions.lambda_limits import (
    MAXIMUM_TIMEOUT_SECONDS,
    check_configuration,
    check_payload,
    durable_config,
    unzipped,
)
from stepstack.stacks.embedded.functions.lambda_logs import Event, FunctionLogs, log_lines, tail
from stepstack.stacks.embedded.functions.lambda_runtime import Invocation, run
from stepstack.stacks.embedded.functions.lambda_surroundings import now_millis
from stepstack.stacks.sdk_variables import NO_ACCOUNT, past_proxies

__all__ = ["LambdaService"]

Handler: TypeAlias = "Callable[[Any, Any], Any]"

_log = logging.getLogger("stepstack.embedded")

_NAME = re.compile(
    r"(?:arn:aws[a-zA-Z-]*:lambda:(?P<region>[a-z]{2,3}(?:-[a-z]+)+-\d):)?(?:(?P<account>\d{12}):)?(?:function:)?"
    r"(?P<name>[a-zA-Z0-9-_]{1,64})(?::(?P<qualifier>\$LATEST|[a-zA-Z0-9-_]+))?"
)
_NAME_PATTERN = (
    r"(arn:(aws[a-zA-Z-]*)?:lambda:)?([a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?"
    r"(function:)?([a-zA-Z0-9-_]+)(:(\$LATEST|[a-zA-Z0-9-_]+))?"
)
"""As AWS prints it."""

_ESCAPING_RUNTIMES = frozenset({"python3.8", "python3.9", "python3.10", "python3.11"})


class LambdaService:
    """The functions of one stack. `variables()` go into the environment of every function that starts, below its own."""

    def __init__(
        self,
        *,
        account_id: str = "123456789012",
        region: str = "us-east-1",
        randomness: Randomness | None = None,
        variables: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        self.account_id = account_id
        self.region = region
        self._variables = variables
        self.working: Callable[[], AbstractContextManager[None]] = nullcontext
        """Entered for as long as an asynchronous invocation runs: the stack is at work."""
        self.send: Send | None = None
        """Sends what came of asynchronous invocations to their destinations."""
        self.timeline: Callable[[], Timeline] = _real_time
        """The time of a durable execution and of an asynchronous invocation's retries; a stack with a clock gives `clock.timeline`."""
        self.logs = FunctionLogs()
        self._randomness = randomness or Randomness()
        self._functions: dict[tuple[str, str], Function] = {}
        self._background: set[asyncio.Task[InvokeResult]] = set()
        self.unpacked_layers: list[FolderCode] = []
        """They go with the functions, whoever forgets to delete them."""
        self._durable: DurableExecutions | None = None

    # Registration by the process itself

    def register(
        self,
        name: str,
        handler: Handler | str | Path,
        *,
        handler_name: str = "",
        timeout_seconds: int = MAXIMUM_TIMEOUT_SECONDS,
        memory_mb: int = 128,
        variables: Mapping[str, str] | None = None,
        runtime: str = DEFAULT_RUNTIME,
        log_group: str | None = None,
        region: str | None = None,
        layers: Sequence[Path] = (),
        durable: Mapping[str, Any] | None = None,
    ) -> str:
        """Makes a function, or takes the place of the one of that name; its ARN.

        `handler` is a callable, a `"module:function"` of this process, or a folder, whose `handler_name` is `module.function` as in a
        template. `name` may be an ARN. `layers` are folders too: those of the function's layers. A function with `durable`, its
        DurableConfig, is durable.
        """
        matched = _NAME.fullmatch(name)
        if matched is None:
            raise ServiceError("InvalidParameterValueException", f"{name!r} is no function's name or ARN")
        region = matched["region"] or region or self.region
        code: Code
        if isinstance(handler, str):
            code, handler_name = named_handler(handler), handler.replace(":", ".")
        elif isinstance(handler, Path):
            code = FolderCode(handler, layers=layers)
        else:
            code, handler_name = CallableCode(handler), getattr(handler, "__qualname__", type(handler).__name__)
        parameters = {
            "Handler": handler_name,
            "Runtime": runtime,
            "Timeout": timeout_seconds,
            "MemorySize": memory_mb,
            "Environment": {"Variables": dict(variables or {})},
            "LoggingConfig": {"LogGroup": log_group} if log_group else None,
            "DurableConfig": durable,
        }
        self._discard(region, matched["name"])
        return self._add(region, matched["name"], code, parameters, code_size=0, digest="").arn

    def unregister(self, name: str) -> None:
        """Removes a function by name or ARN; one that is not there is no fault."""
        matched = _NAME.fullmatch(name)
        if matched is not None:
            self._discard(matched["region"] or self.region, matched["name"])

    def reset(self) -> None:
        """Forgets all functions and logs, and stops waiting for asynchronous invocations."""
        for task in list(self._background):
            # The caller may be another thread than the loop's.
            task.get_loop().call_soon_threadsafe(task.cancel)
        if self._durable is not None:
            self._durable.abandon()
        for region, name in list(self._functions):
            self._discard(region, name)
        while self.unpacked_layers:
            self.unpacked_layers.pop().close()
        self.logs.reset()

    close = reset

    # Invocation

    async def invoke(
        self,
        function: str,
        payload: bytes = b"",
        *,
        qualifier: str | None = None,
        invocation_type: str = "RequestResponse",
        region: str | None = None,
        client_context: Mapping[str, Any] | None = None,
        execution_name: str | None = None,
    ) -> InvokeResult:
        """Invokes a function by name or ARN. Raises ServiceError where there is none, or where the payload is no JSON."""
        # As AWS does, so that the refusal of an unknown function names what was looked for.
        target = self.function(function, qualifier or LATEST, region=region)
        request_id = self._randomness.uuid()
        if "DurableConfig" in target.configuration:
            start = DurableStart(target, payload, self.is_qualified(function, qualifier), invocation_type, execution_name)
            return await self._invoke_durable(start, request_id)
        if execution_name is not None:
            raise ServiceError("InvalidParameterValueException", f"{target.arn} is no durable function", {"Type": "User"})
        if invocation_type == "DryRun":
            return InvokeResult(204, b"", executed_version=target.version, request_id=request_id)
        check_payload(payload, invocation_type)
        if invocation_type != "Event":
            return await self._run(target, payload, request_id, function, client_context)
        base = self.base_of(target)
        invocation = AsynchronousInvocation(
            target,
            base.invoke_configurations.get(_qualifier_of(function) or qualifier or LATEST, {}),
            payload,
            request_id,
            lambda: self._run(target, payload, request_id, function, client_context),
            lambda: self._functions.get((base.region, base.name)) is base,
        )
        self._run_behind(invocation.run(lambda seconds: self.timeline().sleep(seconds), self.send))
        return InvokeResult(202, b"", request_id=request_id)

    async def _invoke_durable(self, start: DurableStart, request_id: str) -> InvokeResult:
        version = start.function.version
        if start.invocation_type == "DryRun":
            self.durable.check(start)
            return InvokeResult(204, b"", executed_version=version, request_id=request_id)
        check_payload(start.payload, start.invocation_type)
        execution = await self.durable.invoke(start)
        if start.is_event:
            return InvokeResult(202, b"", request_id=request_id, durable_execution_arn=execution.arn)
        payload, error = execution.answer()
        return InvokeResult(200, payload, error, version, request_id=request_id, durable_execution_arn=execution.arn)

    async def _run_durable(self, function: Function, payload: bytes) -> InvokeResult:
        called = f"{function.arn}:{LATEST}" if function.version == LATEST else ""
        return await self._run(function, payload, self._randomness.uuid(), called, None)

    @property
    def durable(self) -> DurableExecutions:
        """The executions of durable functions."""
        if self._durable is None:
            self._durable = DurableExecutions(
                self._run_durable,
                lambda name, region: (self.function(name, region=region), self.is_qualified(name)),
                timeline=self.timeline,
                randomness=self._randomness,
            )
        return self._durable

    def _run_behind(self, running: Coroutine[Any, Any, InvokeResult]) -> None:
        at_work = self.working()
        at_work.__enter__()
        task = asyncio.get_running_loop().create_task(running)
        self._background.add(task)

        def ended(_: object) -> None:
            at_work.__exit__(None, None, None)
            self._background.discard(task)
            if not task.cancelled() and (fault := task.exception()) is not None:
                _log.error("an asynchronous invocation could not be run", exc_info=fault)

        task.add_done_callback(ended)

    async def settle(self) -> None:
        """Waits until every asynchronous invocation has ended."""
        while self._background:
            await asyncio.gather(*self._background, return_exceptions=True)

    async def _run(
        self, function: Function, payload: bytes, request_id: str, called: str, client_context: Mapping[str, Any] | None
    ) -> InvokeResult:
        configuration = function.configuration
        memory = int(configuration["MemorySize"])
        if function.variables is None:
            function.log_stream = f"{datetime.now(timezone.utc):%Y/%m/%d}/[{function.version}]{self._randomness.uuid().replace('-', '')}"
            function.variables = self._environment(function)
        arn = function.arn if not called.startswith("arn:") else called

        def context() -> LambdaContext:
            return LambdaContext(
                function_name=function.name,
                function_version=function.version,
                invoked_function_arn=arn,
                memory_limit_in_mb=memory,
                aws_request_id=request_id,
                log_group_name=function.log_group,
                log_stream_name=function.log_stream,
                timeout_seconds=float(configuration["Timeout"]),
                client_context=client_context,
            )

        invocation = Invocation(
            code=function.code,
            handler=configuration["Handler"],
            payload=payload,
            request_id=request_id,
            timeout_seconds=float(configuration["Timeout"]),
            variables=function.variables,
            make_context=context,
            prepare=(lambda: renew_client(function.variables or {})) if "DurableConfig" in configuration else None,
            escapes_unicode=configuration["Runtime"] in _ESCAPING_RUNTIMES,
        )
        started = now_millis()
        outcome = await run(invocation)
        if outcome.is_cold:
            function.cool_down()
        log = log_lines(request_id, function.version, outcome.log or [(started, "")], outcome.duration_millis, memory)
        events: list[Event] = [event for event in log if event[1]]
        self.logs.add(function.region, function.log_group, function.log_stream, events)
        error = "Unhandled" if outcome.is_error else None
        return InvokeResult(200, outcome.payload, error, function.version, tail(events), request_id)

    def _environment(self, function: Function) -> dict[str, str]:
        configuration = function.configuration
        root = function.code.root if isinstance(function.code, FolderCode) else Path.cwd()
        return {
            "AWS_LAMBDA_FUNCTION_NAME": function.name,
            "AWS_LAMBDA_FUNCTION_VERSION": function.version,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(configuration["MemorySize"]),
            "AWS_LAMBDA_LOG_GROUP_NAME": function.log_group,
            "AWS_LAMBDA_LOG_STREAM_NAME": function.log_stream,
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{configuration['Runtime']}",
            "AWS_REGION": function.region,
            "AWS_DEFAULT_REGION": function.region,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "LAMBDA_TASK_ROOT": str(root),
            "_HANDLER": configuration["Handler"],
            **NO_ACCOUNT,
            **past_proxies(os.environ),
            **self._variables(),
            **configuration.get("Environment", {}).get("Variables", {}),
        }

    # The operations of the API

    def function(self, name: str, qualifier: str | None = None, *, region: str | None = None) -> Function:
        """The function, version or alias that is named; ResourceNotFoundException where there is none."""
        matched = _NAME.fullmatch(name)
        if matched is None:
            rule = f"Member must satisfy regular expression pattern: {_NAME_PATTERN}"
            message = f"Value '{name}' at 'functionName' failed to satisfy constraint: {rule}"
            raise ServiceError("ValidationException", f"1 validation error detected: {message}")
        region = matched["region"] or region or self.region
        qualifier = matched["qualifier"] or qualifier
        base = self._functions.get((region, matched["name"]))
        found = base if base is None or qualifier in {None, LATEST} else base.qualified(str(qualifier))
        if found is None or (matched["account"] or self.account_id) != self.account_id:
            arn = self._arn(region, matched["name"]) + (f":{qualifier}" if qualifier else "")
            raise ServiceError("ResourceNotFoundException", f"Function not found: {arn}", {"Type": "User"})
        return found

    @staticmethod
    def is_qualified(name: str, qualifier: str | None = None) -> bool:
        """Whether a version, an alias or $LATEST is named, by the function's name or ARN or beside it."""
        matched = _NAME.fullmatch(name)
        return bool(qualifier) or (matched is not None and matched["qualifier"] is not None)

    def create(self, parameters: Mapping[str, Any], archive: bytes, *, region: str | None = None) -> dict[str, Any]:
        """CreateFunction; `archive` is the zip file's content."""
        matched = _NAME.fullmatch(str(parameters.get("FunctionName", "")))
        if matched is None:
            raise ServiceError(
                "ValidationException", "1 validation error detected: Value at 'functionName' failed to satisfy constraint: no name"
            )
        region = matched["region"] or region or self.region
        if (region, matched["name"]) in self._functions:
            raise ServiceError("ResourceConflictException", f"Function already exist: {matched['name']}", {"Type": "User"})
        check_configuration(parameters)
        code = unzipped(archive)
        digest = base64.b64encode(hashlib.sha256(archive).digest()).decode()
        function = self._add(region, matched["name"], code, parameters, code_size=len(archive), digest=digest)
        function.tags.update(parameters.get("Tags") or {})
        if parameters.get("Publish"):
            return self.publish(function, "")
        return dict(function.configuration)

    def update_code(self, function: Function, archive: bytes, *, publish: bool = False) -> dict[str, Any]:
        """UpdateFunctionCode."""
        code = unzipped(archive)
        digest = base64.b64encode(hashlib.sha256(archive).digest()).decode()
        if not any(version.code is function.code for version in function.versions.values()):
            function.code.close()
        function.code = code
        function.cool_down()
        self._touch(function, {"CodeSize": len(archive), "CodeSha256": digest})
        return self.publish(function, "") if publish else dict(function.configuration)

    def update_configuration(self, function: Function, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """UpdateFunctionConfiguration."""
        check_configuration({**function.configuration, **parameters})
        changes = {name: parameters[name] for name in SETTABLE if name in parameters}
        if changes.get("DurableConfig"):
            changes["DurableConfig"] = durable_config(changes["DurableConfig"], function.configuration.get("DurableConfig"))
        self._touch(function, changes)
        function.cool_down()
        return dict(function.configuration)

    def delete(self, function: Function, qualifier: str | None = None) -> None:
        """DeleteFunction: the function, or one of its versions."""
        base = self._functions[function.region, function.name]
        if qualifier and qualifier != LATEST:
            version = base.versions.pop(qualifier, None)
            if version is not None and all(version.code is not other.code for other in (base, *base.versions.values())):
                version.code.close()
            return
        self._discard(function.region, function.name)

    def listed(self, region: str | None = None) -> list[dict[str, Any]]:
        """ListFunctions, by name."""
        wanted = region or self.region
        return [dict(function.configuration) for (place, _), function in sorted(self._functions.items()) if place == wanted]

    def publish(self, function: Function, description: str) -> dict[str, Any]:
        """PublishVersion; unchanged code and configuration give the latest version again."""
        base = self._functions[function.region, function.name]
        latest = list(base.versions.values())[-1] if base.versions else None
        if latest is not None and latest.configuration["RevisionId"] == base.configuration["RevisionId"]:
            return dict(latest.configuration)
        base.last_version += 1
        number = str(base.last_version)
        configuration = copy.deepcopy(base.configuration) | {"Version": number, "FunctionArn": f"{base.arn}:{number}"}
        if description:
            configuration["Description"] = description
        version = Function(name=base.name, region=base.region, arn=f"{base.arn}:{number}", code=base.code, configuration=configuration)
        base.versions[number] = version
        return dict(configuration)

    def put_alias(self, function: Function, alias: str, parameters: Mapping[str, Any], *, is_new: bool) -> dict[str, Any]:
        """CreateAlias and UpdateAlias."""
        base = self._functions[function.region, function.name]
        if is_new == (alias in base.aliases):
            arn = f"{base.arn}:{alias}"
            if is_new:
                raise ServiceError("ResourceConflictException", f"Alias already exists: {arn}", {"Type": "User"})
            raise ServiceError("ResourceNotFoundException", f"Cannot find alias arn: {arn}", {"Type": "User"})
        current = base.aliases.get(alias, {"AliasArn": f"{base.arn}:{alias}", "Name": alias, "Description": ""})
        version = str(parameters.get("FunctionVersion", current.get("FunctionVersion", LATEST)))
        if version != LATEST and version not in base.versions:
            raise ServiceError("ResourceNotFoundException", f"Function not found: {base.arn}:{version}", {"Type": "User"})
        base.aliases[alias] = {
            **current,
            "FunctionVersion": version,
            "Description": parameters.get("Description", current["Description"]),
            "RevisionId": self._randomness.uuid(),
        }
        return base.aliases[alias]

    def base_of(self, function: Function) -> Function:
        """The function whose version this is."""
        return self._functions[function.region, function.name]

    def _add(self, region: str, name: str, code: Code, parameters: Mapping[str, Any], *, code_size: int, digest: str) -> Function:
        arn = self._arn(region, name)
        role = f"arn:aws:iam::{self.account_id}:role/stepstack"
        configuration = new_configuration(name, arn, role, parameters) | {"CodeSize": code_size, "CodeSha256": digest}
        function = Function(name=name, region=region, arn=arn, code=code, configuration=configuration)
        self._touch(function, {})
        self._functions[region, name] = function
        return function

    def _touch(self, function: Function, changes: Mapping[str, Any]) -> None:
        function.configuration |= changes
        function.configuration["LastModified"] = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000"
        function.configuration["RevisionId"] = self._randomness.uuid()

    def _discard(self, region: str, name: str) -> None:
        function = self._functions.pop((region, name), None)
        if function is not None:
            if self._durable is not None:
                self._durable.abandon(function)
            for version in (function, *function.versions.values()):
                version.code.close()

    def _arn(self, region: str, name: str) -> str:
        return f"arn:aws:lambda:{region}:{self.account_id}:function:{name}"


def _real_time() -> Timeline:
    return Clock(asyncio.get_running_loop()).timeline()


def _qualifier_of(name: str) -> str | None:
    matched = _NAME.fullmatch(name)
    return matched["qualifier"] if matched else None
