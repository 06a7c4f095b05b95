"""Lambda functions in the test's own process, for one test.

Behind the fixture `lambda_functions`. `lambda_service` runs the handlers: with a real context object, in threads, their
exceptions as Lambda's error payload. They can be patched, debugged and covered. Task states reach them by name or ARN, boto3 by the
stack's Lambda endpoint. An engine in a container calls this process (`lambda_server.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeAlias

from stepstack.errors import SettingsError
from stepstack.testing.files import find_file
from stepstack.testing.templates import Template

if TYPE_CHECKING:
    from stepstack.stacks.embedded.functions.lambda_service import LambdaService
    from stepstack.testing.stack import Stack

__all__ = ["LambdaFunctions"]

Handler: TypeAlias = "Callable[[Any, Any], Any] | str"


class LambdaFunctions(Mapping[str, str]):
    """The functions of one test: name to ARN. Call it to make some; they are gone when the test ends.

    `lambda_functions({"pay": handler, "price": "shop.prices:handler"})`
    """

    def __init__(self, stack: Stack, folders: tuple[Path, ...] = ()) -> None:
        self._service: LambdaService = stack.lambda_service()
        self._is_called_from_containers = stack.lambda_place is not None
        # Handlers that are called from containers find the containers' services; on the embedded stack they find it by themselves,
        # and are told of a service of somebody else's in its place.
        is_wanted = "" if self._is_called_from_containers else "AWS_ENDPOINT_URL_"
        self._variables = {name: value for name, value in stack.environment().items() if name.startswith(is_wanted)}
        self._alias = stack.lambda_place.alias if stack.lambda_place is not None else None
        self._folders = folders
        self._arns: dict[str, str] = {}

    def __call__(
        self,
        functions: Mapping[str, Handler] | None = None,
        *,
        timeout_seconds: int = 900,
        environment: Mapping[str, str] | None = None,
        durable_config: Mapping[str, int] | None = None,
        **named: Handler,
    ) -> LambdaFunctions:
        """Makes functions of callables `(event, context)` (sync or async) or of `"module:handler"` words.

        A name may be an ARN. A handler that takes longer than `timeout_seconds` fails as it would on Lambda. Handlers of AWS's durable
        execution SDK are given their `durable_config`, such as `{"ExecutionTimeout": 300}`; they are called by their qualified ARNs.
        """
        __tracebackhide__ = True
        for name, handler in {**(functions or {}), **named}.items():
            if not (callable(handler) or (isinstance(handler, str) and ":" in handler)):
                raise SettingsError(f"the handler of {name!r} is a callable or 'module:function', and this is {handler!r}")
            self._register(name, handler, timeout_seconds=timeout_seconds, variables=environment, durable=durable_config)
        return self

    def from_template(
        self, template: str | Path, *, parameters: Mapping[str, Any] | None = None, resources: Mapping[str, str] | None = None
    ) -> LambdaFunctions:
        """Makes the Python functions of a SAM, CloudFormation or CDK template whose code is in folders beside it."""
        path = find_file(template, self._folders)
        found = list(Template(path, parameters=parameters, resources=resources).functions())
        if not found:
            raise SettingsError(f"{path.name} has no Python function whose code is in a folder beside it")
        for function in found:
            self._register(
                function.name,
                function.folder,
                handler_name=function.handler,
                timeout_seconds=int(function.timeout_seconds),
                variables=function.environment,
                durable=function.durable_config,
            )
        return self

    def _register(
        self, name: str, handler: Handler | Path, *, variables: Mapping[str, str] | None, durable: Mapping[str, int] | None, **words: Any
    ) -> None:
        if durable is not None and self._is_called_from_containers:
            raise SettingsError(f"the function {name!r} is durable, which needs the embedded stack: its checkpoints go to Lambda's API")
        arn = self._service.register(name, handler, variables={**self._variables, **(variables or {})}, durable=durable, **words)
        if durable is not None:
            arn = f"{arn}:$LATEST"
        if self._alias:
            function = self._service.function(arn)
            arn = str(self._service.put_alias(function, self._alias, {"FunctionVersion": function.version}, is_new=True)["AliasArn"])
        self._arns[name] = arn

    def __getitem__(self, name: str) -> str:
        return self._arns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._arns)

    def __len__(self) -> int:
        return len(self._arns)

    def __enter__(self) -> LambdaFunctions:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for arn in self._arns.values():
            self._service.unregister(arn)
