"""A stack: Step Functions and what its tasks call, wherever they run.

One type with interchangeable constructors, so that the same tests run on any:

    Stack.embedded()        in this process, nothing else is needed
    Stack.compose("local")  containers: DynamoDB Local and Step Functions Local; "dynalite", "stepstack"
    Stack.dynalite(folder)  our engine on a dynalite of our own, with Node and without Docker
    Stack.at({...})         services that somebody else runs
    Stack.aws(account)      a real account

Made by the plugin and by anyone who wants one without pytest. A stack is a context manager; it closes what it opened. Clients are
boto3's, made once for each service; boto3 itself is imported when the first is made.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from stepstack.errors import StackError
from stepstack.stacks.endpoints import require_ready
from stepstack.stacks.sdk_variables import NO_ACCOUNT, SESSION_WITHOUT_ACCOUNT, leads_elsewhere, past_proxies

if TYPE_CHECKING:
    from stepstack.stacks.aws import AwsAccount
    from stepstack.stacks.embedded.functions.lambda_service import LambdaService
    from stepstack.stacks.lambda_router import LambdaPlace
    from stepstack.testing.executions import ExecutionResult
    from stepstack.testing.lambda_server import LambdaServer
    from stepstack.testing.state_machines import StateMachineHandle

__all__ = ["Stack"]

REGION = "us-east-1"
ACCOUNT = "123456789012"
ACCESS_KEY = "stepstack"
"""DynamoDB Local takes letters and digits only."""


class Stack:
    """Where tests run. `backend` is its name, `endpoints` its services by boto3's names, `"*"` standing for all others."""

    def __init__(
        self,
        backend: str,
        endpoints: Mapping[str, str],
        *,
        region: str = REGION,
        time: str = "real",
        embedded: Any = None,
        account: AwsAccount | None = None,
        closers: tuple[Callable[[], object], ...] = (),
        has_own_credentials: bool = True,
        lambda_place: LambdaPlace | None = None,
    ) -> None:
        self.backend = backend
        self.endpoints = dict(endpoints)
        self.region = region
        self.time = time
        """How waits pass: `skip`, `real`, a scale, or `as started` where the containers decide."""
        self.embedded_stack = embedded
        """What `stepstack.assembly.embedded_stack` made, where the engine runs in this process; else None."""
        self.account = account
        self.listeners: list[Callable[[StateMachineHandle, ExecutionResult], None]] = []
        """Called with each execution that a StateMachineHandle saw finished."""
        self.lambda_place = lambda_place
        """Where containers look for functions of this process; None where they do not."""
        self._lambda_server: LambdaServer | None = None
        self._closers = closers
        self._has_own_credentials = has_own_credentials
        self._clients: dict[tuple[str, str], Any] = {}
        self._session: Any = None
        self._lock = threading.RLock()

    @classmethod
    def embedded(cls, *, time: str = "skip", endpoints: Mapping[str, str] | None = None, mock_file: Path | None = None) -> Stack:
        """Our engine and the embedded services in this process.

        `endpoints` names services of others instead, such as a DynamoDB; `mock_file` is one in Step Functions Local's format.
        """
        from stepstack.assembly import Settings, embedded_stack, scale_setting

        given = dict(endpoints or {})
        require_ready(given)
        # The process's own variables are left out: they may point at AWS, or at another stack.
        settings = Settings(scale=scale_setting(time, "time"), region=REGION, mock_file=mock_file, variables=_endpoint_variables(given))
        with ExitStack() as opened:
            embedded = opened.enter_context(embedded_stack(settings))
            closers = (opened.pop_all().close,)
        return cls("embedded", {"*": embedded.endpoint_url, **given}, time=time, embedded=embedded, closers=closers)

    @classmethod
    def compose(cls, backend: str = "local", file: str | Path = "docker-compose.yml") -> Stack:
        """The services of a compose file, brought up now and taken down by `close()`."""
        from stepstack.stacks.compose import ComposeProject
        from stepstack.stacks.lambda_router import LambdaPlace

        project = ComposeProject(Path(file), backend)
        project.up()
        place = None if project.lambda_port is None else LambdaPlace(project.lambda_port)
        return cls(backend, project.endpoints, time="as started", closers=(project.down,), lambda_place=place)

    @classmethod
    def dynalite(cls, folder: str | Path = ".", *, time: str = "skip") -> Stack:
        """Our engine on a dynalite process of our own; dynalite comes from `folder/node_modules`, or npm fetches it."""
        from stepstack.stacks.dynalite import DynaliteProcess

        process = DynaliteProcess.start(Path(folder))
        try:
            stack = cls.embedded(time=time, endpoints={"dynamodb": process.url})
        except BaseException:
            process.close()
            raise
        stack.backend = "dynalite"
        stack._closers = (*stack._closers, process.close)
        return stack

    @classmethod
    def at(
        cls, endpoints: Mapping[str, str], *, backend: str = "endpoints", time: str = "as started", lambda_place: LambdaPlace | None = None
    ) -> Stack:
        """Services that run already; StackError where one does not answer. Credentials are the environment's where it has some."""
        require_ready(endpoints)
        return cls(backend, endpoints, time=time, has_own_credentials=backend != "endpoints", lambda_place=lambda_place)

    @classmethod
    def aws(cls, account: AwsAccount) -> Stack:
        """A real account, with the environment's credentials."""
        return cls("aws", {}, region=account.region, account=account, has_own_credentials=False)

    @property
    def clock(self) -> Any:
        """The engine's clock; None where the engine is not in this process."""
        return None if self.embedded_stack is None else self.embedded_stack.clock

    def endpoint_url(self, service: str) -> str | None:
        """Where `service` is reached; None for AWS itself. StackError where this stack does not have it."""
        if self.backend == "aws":
            return None
        url = self.endpoints.get(service) or self.endpoints.get("*")
        if url is None and service == "lambda" and self.lambda_place is not None:
            return self._open_lambda_server().url
        if url is None:
            raise StackError(f"the backend {self.backend} has no {service}; it has {' and '.join(sorted(self.endpoints))}")
        return url

    def client(self, service: str) -> Any:
        """The boto3 client of `service`, made once."""
        return self._made("client", service)

    def resource(self, service: str) -> Any:
        """The boto3 resource of `service`, made once."""
        return self._made("resource", service)

    def environment(self) -> dict[str, str]:
        """The variables with which other code's SDKs reach this stack: `AWS_ENDPOINT_URL`, credentials, region."""
        variables = {"AWS_REGION": self.region, "AWS_DEFAULT_REGION": self.region}
        if self.endpoints.keys() & {"*", "stepfunctions"}:
            # SDKs put "sync-" before the host for StartSyncExecution and TestState, which no name server knows here.
            variables["AWS_DISABLE_HOST_PREFIX_INJECTION"] = "true"
        if self._has_own_credentials:
            variables |= {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": ACCESS_KEY, **NO_ACCOUNT}
        if self.lambda_place is not None and "lambda" not in self.endpoints:
            variables["AWS_ENDPOINT_URL_LAMBDA"] = self._open_lambda_server().url
        return {**variables, **_endpoint_variables(self.endpoints), **past_proxies(os.environ)}

    def misleading_variables(self) -> list[str]:
        """The process's variables that would lead other code's SDKs past this stack, to an account: without them, `environment()` holds."""
        return [name for name in os.environ if leads_elsewhere(name)] if self._has_own_credentials else []

    def lambda_service(self) -> LambdaService:
        """The functions of this process, where this stack's engine reaches them; StackError where it does not."""
        if self.lambda_place is not None:
            server = self._open_lambda_server()
            server.join()
            return server.service
        if self.embedded_stack is None or self.embedded_stack.assembly.services is None:
            raise StackError(
                f"the backend {self.backend} runs functions elsewhere: handlers in the test's process need our engine there too "
                "(embedded), or containers that call them (local, dynalite, stepstack, with no LAMBDA_ENDPOINT that leads elsewhere)"
            )
        service: LambdaService = self.embedded_stack.assembly.services.lambda_service
        return service

    def _open_lambda_server(self) -> LambdaServer:
        from stepstack.testing.lambda_server import LambdaServer

        with self._lock:
            if self._lambda_server is None:
                assert self.lambda_place is not None  # noqa: S101 - its callers have asked
                self._lambda_server = LambdaServer(self.lambda_place, region=self.region)
                self._closers = (self._lambda_server.close, *self._closers)
            return self._lambda_server

    def role_arn(self) -> str:
        """A role for state machines; any will do except on AWS."""
        return self.account.required_role_arn() if self.account else f"arn:aws:iam::{ACCOUNT}:role/stepstack"

    def poll_pauses(self) -> Iterator[float]:
        """How long to pause between two looks at something that is under way; seconds, growing."""
        pause, most = (0.0005, 0.05) if self.embedded_stack is not None else (0.01, 0.5) if self.backend != "aws" else (0.2, 2.0)
        while True:
            yield pause
            pause = min(pause * 1.5, most)

    def __str__(self) -> str:
        where = ", ".join(f"{'all' if service == '*' else service} {url}" for service, url in sorted(self.endpoints.items()))
        return f"{self.backend} ({where or self.region}), time {self.time}"

    def close(self) -> None:
        """Closes the clients and whatever this stack opened; safe to call again."""
        clients, self._clients = self._clients, {}
        closers, self._closers = self._closers, ()
        # What fails to close keeps nothing else open. The last callback comes first: the clients, then the closers in their order.
        with ExitStack() as closing:
            for close in reversed(closers):
                closing.callback(close)
            for (kind, _), client in clients.items():
                closing.callback((client if kind == "client" else client.meta.client).close)

    def __enter__(self) -> Stack:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _made(self, kind: str, service: str) -> Any:
        with self._lock:
            made = self._clients.get((kind, service))
            if made is None:
                made = self._clients[kind, service] = self._make(kind, service)
            return made

    def _make(self, kind: str, service: str) -> Any:
        from botocore.config import Config

        url = self.endpoint_url(service)
        if self._session is None:
            self._session = self._new_session()
        settings: dict[str, Any] = {"max_pool_connections": 50}
        words: dict[str, Any] = {"endpoint_url": url}
        if url is not None:
            # A host prefix ("sync-" for StartSyncExecution) has no meaning on this machine; a refusal there is final.
            settings |= {"inject_host_prefix": False, "retries": {"total_max_attempts": 1}, "connect_timeout": 5, "read_timeout": 75}
            settings |= {"s3": {"addressing_style": "path"}, "proxies": {}, "use_fips_endpoint": False, "use_dualstack_endpoint": False}
            if self._has_own_credentials or self._session.get_credentials() is None:
                words |= {"aws_access_key_id": ACCESS_KEY, "aws_secret_access_key": ACCESS_KEY}
        return getattr(self._session, kind)(service, config=Config(**settings), **words)

    def _new_session(self) -> Any:
        import boto3
        import botocore.session

        # A user's profile may be gone, or set regions, roles and retries that are not meant for this machine.
        core = botocore.session.Session(session_vars=SESSION_WITHOUT_ACCOUNT) if self._has_own_credentials else None
        return boto3.session.Session(region_name=self.region, botocore_session=core)


def _endpoint_variables(endpoints: Mapping[str, str]) -> dict[str, str]:
    """The variables that every AWS SDK reads: `AWS_ENDPOINT_URL_DYNAMODB`, and `AWS_ENDPOINT_URL` for `*`."""
    ids = {"stepfunctions": "SFN"}
    return {
        "AWS_ENDPOINT_URL" if service == "*" else f"AWS_ENDPOINT_URL_{ids.get(service, service.replace('-', '_').upper())}": url
        for service, url in endpoints.items()
    }
