"""The one place that wires concrete parts from settings.

`stepstack serve` and `up` run what `assemble` puts together in the foreground (`run_server`), the pytest plugin and libraries in a
background thread (`embedded_stack`). Left out: `stepstack.run`, which needs no service (`stepstack.in_process`). Nothing heavy is
imported before it is needed: moto with the first request for another service, botocore's loader with the first call of one, JSONata with
the first definition that has it.

Settings come from Step Functions Local's environment variables, and from the command line, which comes first:

    AWS_ACCOUNT_ID, AWS_DEFAULT_REGION   the account (123456789012) and the region (us-east-1) in ARNs
    WAIT_TIME_SCALE                      how fast waits pass: 1 is real time, 0.01 a hundredth of it, 0 skips them
    *_ENDPOINT, AWS_ENDPOINT_URL*        where the services are that Task states call (`stepstack.integrations.endpoints`)
    SFN_MOCK_CONFIG                      a file of mocks, in Step Functions Local's format
    STEPSTACK_DATA                       a folder in which everything is kept; without it, everything is in memory
    STEPSTACK_KEEP_EXECUTIONS            how many finished executions are remembered (10000)
    STEPSTACK_KEEP_DAYS                  for how many days (90)
    STEPSTACK_ALLOW_HOSTS                further names, separated by commas, under which clients may address the server
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import socket
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from stepstack.clock import Clock, Randomness, time_scale
from stepstack.errors import SettingsError

if TYPE_CHECKING:
    from stepstack.api.app import AsgiApp
    from stepstack.integrations.http_client import HttpClient
    from stepstack.integrations.integrations import Integrations
    from stepstack.integrations.mock_file import MockFile
    from stepstack.integrations.mocks import Mocks
    from stepstack.service import StepFunctionsService
    from stepstack.service.journal import Journal
    from stepstack.stacks.embedded.services import EmbeddedServices
    from stepstack.stacks.embedded.templates.template_application import Application

__all__ = ["Assembly", "EmbeddedStack", "Settings", "assemble", "deploy_template", "embedded_stack", "run_server", "scale_setting"]

DEFAULT_ACCOUNT = "123456789012"
DEFAULT_REGION = "us-east-1"
START_SECONDS = 30.0

DEPLOY_SECONDS = 300.0
"""For a template: the transform of SAM takes seconds, a custom resource may wait for its function."""
GC_THRESHOLDS = (20_000, 20, 100)
WARM_UP_DEFINITION = """{"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "arn:aws:states:::dynamodb:putItem",
    "Parameters": {"TableName.$": "$.t", "Item": {}}, "ResultPath": "$.r", "End": true}}}"""

Value = TypeVar("Value")


def scale_setting(text: str, source: str = "--time") -> float:
    """The clock's scale that `text` means; raises SettingsError, which names the `source` of the text."""
    try:
        return time_scale(text)
    except ValueError:
        raise SettingsError(f"{source} is {text!r}: real, skip or a number such as 0.01 is needed") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that can be set. `variables` are the environment's, for the endpoints of services."""

    account_id: str = DEFAULT_ACCOUNT
    region: str = DEFAULT_REGION
    scale: float = 1.0
    mock_file: Path | None = None
    data_folder: Path | None = None
    keep_executions: int = 10_000
    keep_days: float = 90.0
    allowed_hosts: tuple[str, ...] = ()
    seed: int | None = None
    """For jitter and ids that repeat."""
    variables: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_environment(cls, variables: Mapping[str, str] | None = None, **given: Any) -> Settings:
        """The settings that `variables` (default: the process's environment) name; `given` come first. Raises SettingsError."""
        found = dict(os.environ if variables is None else variables)
        account_id = found.get("AWS_ACCOUNT_ID") or DEFAULT_ACCOUNT
        if not (account_id.isascii() and account_id.isdigit() and len(account_id) == 12):
            raise SettingsError(f"AWS_ACCOUNT_ID is {account_id!r}: twelve digits are needed")
        settings = cls(
            account_id=account_id,
            region=found.get("AWS_DEFAULT_REGION") or found.get("AWS_REGION") or DEFAULT_REGION,
            scale=scale_setting(found.get("WAIT_TIME_SCALE") or "1", "WAIT_TIME_SCALE"),
            mock_file=_path(found, "SFN_MOCK_CONFIG"),
            data_folder=_path(found, "STEPSTACK_DATA"),
            keep_executions=int(_number(found, "STEPSTACK_KEEP_EXECUTIONS", 10_000)),
            keep_days=_number(found, "STEPSTACK_KEEP_DAYS", 90),
            allowed_hosts=tuple(name for name in found.get("STEPSTACK_ALLOW_HOSTS", "").split(",") if name),
            variables=found,
        )
        return replace(settings, **{name: value for name, value in given.items() if value is not None})


def _path(variables: Mapping[str, str], name: str) -> Path | None:
    value = variables.get(name)
    return Path(value) if value else None


def _number(variables: Mapping[str, str], name: str, default: float) -> float:
    text = variables.get(name)
    if not text:
        return default
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < float("inf"):
        raise SettingsError(f"{name} is {text!r}: a number that is not negative is needed")
    return number


@dataclass(slots=True, eq=False)
class Assembly:
    """The parts of one stack, wired; they belong to the loop in which they were made."""

    settings: Settings
    clock: Clock
    service: StepFunctionsService
    integrations: Integrations
    services: EmbeddedServices | None
    http: HttpClient
    """For what the service itself calls: CloudWatch Logs."""
    app: AsgiApp

    async def close(self) -> None:
        """Stops every execution and closes connections; what has a place on disk stays there."""
        await self.service.close()
        await self.integrations.close()
        await self.http.close()
        if self.services is not None:
            await asyncio.get_running_loop().run_in_executor(None, self.services.close)


def assemble(settings: Settings, *, services: EmbeddedServices | None = None) -> Assembly:
    """The parts for `settings`, in the loop that is running. `services` (moto and Lambda) answer for all but Step Functions."""
    from stepstack.api import create_app
    from stepstack.api.in_process import StepFunctionsInProcess
    from stepstack.integrations.catalog import IntegrationCatalog
    from stepstack.integrations.endpoints import Endpoints
    from stepstack.integrations.http_client import HttpClient
    from stepstack.integrations.integrations import Integrations
    from stepstack.integrations.mocks import Mocks
    from stepstack.integrations.service_call import ServiceCaller
    from stepstack.service import StepFunctionsService
    from stepstack.service.cloudwatch_logs import CloudWatchLogs
    from stepstack.service.store import Retention

    clock = Clock(asyncio.get_running_loop(), settings.scale)
    randomness = Randomness(settings.seed)
    given: dict[str, Any] = {"region": settings.region}
    if services is not None:
        given["application"] = services.transport
        given["application_url"] = services.endpoint_url
    endpoints = Endpoints.from_environment(settings.variables, **given)
    mocks = Mocks(_mock_file(settings))
    integrations = Integrations(endpoints, mocks=mocks, randomness=randomness)
    http = HttpClient()
    service = StepFunctionsService(
        clock,
        randomness,
        integrations,
        catalog=IntegrationCatalog(),
        sink=CloudWatchLogs(ServiceCaller(endpoints, http, randomness)),
        status_sink=services,
        journal=_journal(settings),
        region=settings.region,
        account_id=settings.account_id,
        retention=Retention(settings.keep_executions, settings.keep_days * 24 * 3600),
        test_case_problem=lambda machine, case: _test_case_problem(mocks, machine, case),
    )
    endpoints.step_functions = step_functions = StepFunctionsInProcess(service)
    if services is not None:
        # While an event is on its way to a function no wait is skipped.
        services.working = clock.timeline().working
        services.timeline = clock.timeline
        services.start_execution = lambda arn, text: step_functions.call("StartExecution", {"stateMachineArn": arn, "input": text})
        services.step_functions = step_functions.call

    async def reset() -> None:
        if services is not None:
            await asyncio.get_running_loop().run_in_executor(None, services.reset)

    app = create_app(service, services, reset=reset, allowed_hosts=settings.allowed_hosts)
    return Assembly(settings, clock, service, integrations, services, http, app)


def _mock_file(settings: Settings) -> MockFile | None:
    if settings.mock_file is None:
        return None
    from stepstack.integrations.mock_file import MockFile

    return MockFile(settings.mock_file)


def _test_case_problem(mocks: Mocks, machine: str, case: str) -> str | None:
    if mocks.mock_file is None:
        return f"The test case '{case}' is asked for, but no mock file is given: name one in SFN_MOCK_CONFIG"
    return mocks.mock_file.problem(machine, case)


def _journal(settings: Settings) -> Journal | None:
    if settings.data_folder is None:
        return None
    from stepstack.service.sqlite_journal import SqliteJournal

    return SqliteJournal(settings.data_folder)


def _embedded_services(settings: Settings, port: int) -> EmbeddedServices:
    from stepstack.stacks.embedded.services import EmbeddedServices

    return EmbeddedServices(account_id=settings.account_id, region=settings.region, endpoint_url=f"http://127.0.0.1:{port}")


@contextlib.asynccontextmanager
async def serving(settings: Settings, sockets: list[socket.socket], *, with_services: bool) -> AsyncIterator[Assembly]:
    """A stack that answers on `sockets` for as long as the body runs; with the embedded services, where they are wanted."""
    from stepstack.api.server import Server

    services = _embedded_services(settings, sockets[-1].getsockname()[1]) if with_services else None
    assembly = assemble(settings, services=services)
    server = Server(assembly.app, sockets)
    try:
        await assembly.service.resume()
        await server.start()
        yield assembly
    finally:
        await server.close()
        await assembly.close()


Prepare: TypeAlias = "Callable[[Assembly], Coroutine[Any, Any, object]]"


def run_server(
    settings: Settings, sockets: list[socket.socket], *, with_services: bool, ready: Callable[[], None], prepare: Prepare | None = None
) -> None:
    """Serves in the foreground until SIGINT or SIGTERM; calls `ready` once the sockets answer and `prepare` has done its work."""
    asyncio.run(_until_signalled(settings, sockets, with_services, ready, prepare))


async def _until_signalled(
    settings: Settings, sockets: list[socket.socket], with_services: bool, ready: Callable[[], None], prepare: Prepare | None
) -> None:
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, ended.set)
    async with serving(settings, sockets, with_services=with_services) as assembly:
        _spare_collections()
        if prepare is not None:
            await prepare(assembly)
        ready()
        await _warm_up(assembly)
        await ended.wait()


async def _warm_up(assembly: Assembly) -> None:
    """Loads what the first requests would have to wait for: the service model, the parser's tables, DynamoDB's part of the catalog."""
    from stepstack.api.service_model import known_operation, operation_names

    for name in operation_names():
        known_operation(name)
    await assembly.service.call("ValidateStateMachineDefinition", {"definition": WARM_UP_DEFINITION})


def _spare_collections() -> None:
    """What was loaded stays until the end: the collector need not look at it again; nor need it look so often at what comes."""
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)


class EmbeddedStack:
    """A stack in a thread of its own, as the tests of a process use it; `close` it, or use it as a context manager.

    `service` and `clock` belong to the thread's loop: reach them through `run`.
    """

    def __init__(self, settings: Settings, bound: socket.socket, *, with_services: bool) -> None:
        self.port: int = bound.getsockname()[1]
        self.endpoint_url = f"http://127.0.0.1:{self.port}"
        self._socket = bound
        self._settings = settings
        self._with_services = with_services
        self._assembly: Assembly | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closing: asyncio.Event | None = None
        self._failure: BaseException | None = None
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._serve, name=f"stepstack-{self.port}", daemon=True)
        self._thread.start()
        if not self._started.wait(START_SECONDS) or self._failure is not None:
            raise SettingsError(f"the embedded stack did not start: {self._failure or 'no answer'}") from self._failure

    def __enter__(self) -> EmbeddedStack:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def assembly(self) -> Assembly:
        assert self._assembly is not None  # noqa: S101 - set before the constructor returns
        return self._assembly

    @property
    def service(self) -> StepFunctionsService:
        return self.assembly.service

    @property
    def clock(self) -> Clock:
        return self.assembly.clock

    def run(self, work: Coroutine[Any, Any, Value], timeout_seconds: float = 60) -> Value:
        """What `work` returns, run in the stack's loop; for callers in other threads.

        Raises concurrent.futures.TimeoutError, and cancels `work`, where it has not ended after `timeout_seconds`.
        """
        assert self._loop is not None  # noqa: S101 - as above
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(timeout_seconds)
        except FutureTimeoutError as error:
            if not future.cancel():
                raise  # it is the work's own
            what = getattr(work, "__qualname__", "the work")
            raise FutureTimeoutError(f"{what} has not ended in the embedded stack after {timeout_seconds:g} s") from error

    def deploy(self, template: Path | str, *, name: str = "stack", parameters: Mapping[str, str] | None = None) -> Application:
        """Deploys a SAM, CloudFormation or CDK template into the stack: what its resources and outputs have become.

        To take it down again: `stack.run(application.delete())`. Raises SettingsError or UnsupportedFeature with what is wrong.
        """
        return self.run(deploy_template(self.assembly, template, name=name, parameters=parameters), DEPLOY_SECONDS)

    def close(self) -> None:
        """Stops everything and waits until it has stopped; may be called twice."""
        if self._loop is not None and self._closing is not None and self._thread.is_alive():
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._closing.set)
        self._thread.join(START_SECONDS)

    def _serve(self) -> None:
        try:
            asyncio.run(self._main())
        except BaseException as error:  # noqa: BLE001 - the thread's boundary: the constructor raises it
            self._failure = error
        finally:
            # The server closes it too, where one was started.
            self._socket.close()
            self._started.set()

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._closing = asyncio.Event()
        async with serving(self._settings, [self._socket], with_services=self._with_services) as assembly:
            self._assembly = assembly
            self._started.set()
            await self._closing.wait()


async def deploy_template(
    assembly: Assembly, template: Path | str, *, name: str = "stack", parameters: Mapping[str, str] | None = None
) -> Application:
    """Deploys a template into a stack that has the embedded services; runs in the stack's loop."""
    from stepstack.stacks.embedded.templates.template_application import deploy

    if assembly.services is None:
        raise SettingsError("a template is deployed into a stack with the embedded services: use `stepstack up`, not `serve`")
    return await deploy(template, assembly.services, assembly.service.call, name=name, parameters=parameters)


def embedded_stack(settings: Settings | None = None, *, port: int = 0, with_services: bool = True) -> EmbeddedStack:
    """The embedded stack in a background thread on 127.0.0.1: Step Functions and, on the same port, all other services."""
    from stepstack.api.server import listen

    return EmbeddedStack(settings or Settings.from_environment(), listen("127.0.0.1", port), with_services=with_services)
