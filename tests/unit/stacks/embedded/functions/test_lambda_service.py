import asyncio
import json
import logging
import os
import shutil
import sys
import threading
from decimal import Decimal

import pytest

from stepstack.clock import Randomness
from stepstack.errors import ServiceError
from stepstack.stacks.embedded.functions import lambda_runtime
from stepstack.stacks.embedded.functions.lambda_service import LambdaService

EXPECTING = "was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')"


@pytest.fixture
def service():
    functions = LambdaService(randomness=Randomness(1))
    yield functions
    functions.close()


def invoke(service, name, event=None, **options):
    return asyncio.run(service.invoke(name, json.dumps(event).encode(), **options))


def result_of(service, name, event=None):
    """The value that a function returned."""
    result = invoke(service, name, event)
    assert result.function_error is None, result.payload
    return json.loads(result.payload)


def error_of(service, name, event=None):
    result = invoke(service, name, event)
    assert result.function_error == "Unhandled"
    return json.loads(result.payload)


def folder(path, **files):
    """A function's folder; `lib__text` is lib/text.py."""
    for name, text in files.items():
        file = path / f"{name.replace('__', '/')}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return path


def test_a_callable_gets_its_event_and_answers_json(service):
    service.register("double", lambda event, _context: {"doubled": event["n"] * 2})
    assert result_of(service, "double", {"n": 21}) == {"doubled": 42}


@pytest.mark.parametrize(
    "name",
    [
        "echo",
        "echo:$LATEST",
        "123456789012:function:echo",
        "arn:aws:lambda:us-east-1:123456789012:function:echo",
        "arn:aws:lambda:us-east-1:123456789012:function:echo:$LATEST",
    ],
)
def test_a_function_is_found_by_every_form_of_its_name(service, name):
    service.register("echo", lambda event, _context: event)
    assert result_of(service, name, [1]) == [1]


def test_a_function_may_be_registered_by_its_arn(service):
    arn = "arn:aws:lambda:eu-west-1:123456789012:function:echo"
    assert service.register(arn, lambda event, _context: event) == arn
    assert result_of(service, arn, 1) == 1
    assert service.listed() == []


def test_an_unknown_function_is_refused_in_aws_s_words(service):
    with pytest.raises(
        ServiceError, match=r"^ResourceNotFoundException: Function not found: arn:aws:lambda:us-east-1:123456789012:function:nope:.LATEST$"
    ):
        invoke(service, "nope")


@pytest.mark.parametrize(
    ("returned", "text"),
    [
        ({"a": 1, "b": [True, None]}, '{"a": 1, "b": [true, null]}'),
        ("ü", '"ü"'),
        (None, "null"),
        (b'"raw bytes"', '"raw bytes"'),
        ({"price": Decimal("19.90"), "n": Decimal(3)}, '{"price": 19.90, "n": 3}'),
        ((1, 2), "[1, 2]"),
    ],
    ids=["object", "unicode", "nothing", "bytes", "decimals", "tuple"],
)
def test_results_are_written_as_aws_s_runtime_writes_them(service, returned, text):
    service.register("f", lambda _event, _context: returned)
    assert invoke(service, "f").payload == text.encode()


def test_older_runtimes_escape_unicode(service):
    service.register("f", lambda _event, _context: "ü", runtime="python3.11")
    assert invoke(service, "f").payload == b'"\\u00fc"'


def test_a_result_that_is_no_json_is_a_marshal_error(service):
    service.register("f", lambda _event, _context: {1, 2})
    error = error_of(service, "f")
    assert error["errorType"] == "Runtime.MarshalError"
    assert error["errorMessage"] == "Unable to marshal response: Object of type set is not JSON serializable"


def test_an_awaitable_result_is_awaited(service):
    async def handler(event, _context):
        await asyncio.sleep(0)
        return event

    service.register("f", handler)
    assert result_of(service, "f", 5) == 5


def test_no_payload_is_an_empty_object(service):
    service.register("echo", lambda event, _context: event)
    assert asyncio.run(service.invoke("echo")).payload == b"{}"


@pytest.mark.parametrize(
    ("payload", "problem"),
    [
        ("test data", f"Unrecognized token 'test': {EXPECTING}\n at [Source: (byte[])\"test data\"; line: 1, column: 6]"),
        ("str", f"Unrecognized token 'str': {EXPECTING}\n at [Source: (byte[])\"str\"; line: 1, column: 4]"),
        (
            "[1",
            "Unexpected end-of-input: expected close marker for Array "
            '(start marker at [Source: (byte[])"[1"; line: 1, column: 1])\n at [Source: (byte[])"[1"; line: 1, column: 3]',
        ),
    ],
    ids=["a token and more", "a token", "an array that does not end"],
)
def test_a_payload_that_is_no_json_is_refused_in_lambda_s_words(service, payload, problem):
    service.register("echo", lambda event, _context: event)
    with pytest.raises(ServiceError) as refused:
        asyncio.run(service.invoke("echo", payload.encode()))
    assert refused.value.message == f"Could not parse request body into json: Could not parse payload into json: {problem}"


def test_an_exception_becomes_lambda_s_error_payload(service, tmp_path):
    code = "class Broken(Exception):\n    pass\n\n\ndef handler(event, context):\n    return inner()\n\n\n"
    code += "def inner():\n    raise Broken('of course')\n"
    service.register("f", folder(tmp_path, app=code), handler_name="app.handler")
    result = invoke(service, "f")
    assert json.loads(result.payload) == {
        "errorMessage": "of course",
        "errorType": "Broken",
        "requestId": result.request_id,
        "stackTrace": [
            '  File "/var/task/app.py", line 6, in handler\n    return inner()\n',
            "  File \"/var/task/app.py\", line 10, in inner\n    raise Broken('of course')\n",
        ],
    }
    assert list(json.loads(result.payload)) == ["errorMessage", "errorType", "requestId", "stackTrace"]


def test_the_stack_trace_of_a_callable_begins_at_the_callable(service):
    def handler(_event, _context):
        raise KeyError("missing")

    service.register("f", handler)
    error = error_of(service, "f")
    assert (error["errorType"], error["errorMessage"]) == ("KeyError", "'missing'")
    assert len(error["stackTrace"]) == 1
    assert f'File "{__file__}"' in error["stackTrace"][0]
    assert "in handler" in error["stackTrace"][0]


def test_the_stack_trace_of_an_async_handler_begins_at_the_handler(service):
    async def handler(_event, _context):
        raise ValueError("later")

    service.register("f", handler)
    assert "in handler" in error_of(service, "f")["stackTrace"][0]


@pytest.mark.parametrize(
    ("handler", "files", "error"),
    [
        ("gone.handler", {}, "Runtime.ImportModuleError: Unable to import module 'gone': No module named 'gone'"),
        ("app.gone", {"app": "x = 1\n"}, "Runtime.HandlerNotFound: Handler 'gone' missing on module 'app'"),
        ("app", {"app": "x = 1\n"}, "Runtime.MalformedHandlerName: Bad handler 'app': not enough values to unpack (expected 2, got 1)"),
        (
            "app.handler",
            {"app": "import nosuchmodule_x\n"},
            "Runtime.ImportModuleError: Unable to import module 'app': No module named 'nosuchmodule_x'",
        ),
        ("app.handler", {"app": "1 / 0\n"}, "ZeroDivisionError: division by zero"),
    ],
    ids=["no module", "no function", "no dot", "missing dependency", "module raises"],
)
def test_a_handler_that_cannot_be_had_is_named(service, tmp_path, handler, files, error):
    service.register("f", folder(tmp_path, **files), handler_name=handler)
    payload = error_of(service, "f")
    assert f"{payload['errorType']}: {payload['errorMessage']}" == error


def test_a_syntax_error_names_file_and_line(service, tmp_path):
    service.register("f", folder(tmp_path, app="def handler(:\n"), handler_name="app.handler")
    error = error_of(service, "f")
    assert error["errorType"] == "Runtime.UserCodeSyntaxError"
    assert error["stackTrace"][0].startswith('  File "/var/task/app.py" Line 1')


def _spins(stopped):
    def handler(_event, _context):
        try:
            while True:
                pass
        finally:
            stopped.set()

    return handler


def _waits(stopped):
    async def handler(_event, _context):
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    return handler


@pytest.mark.parametrize("make_handler", [_spins, _waits], ids=["busy", "asynchronous"])
def test_a_handler_that_takes_too_long_is_answered_for_and_stopped(service, make_handler):
    stopped = threading.Event()
    service.register("f", make_handler(stopped), timeout_seconds=1)
    result = invoke(service, "f")
    assert json.loads(result.payload) == {
        "errorType": "Sandbox.Timedout",
        "errorMessage": f"RequestId: {result.request_id} Error: Task timed out after 1.00 seconds",
    }
    assert stopped.wait(10)


def test_a_handler_that_exits_ends_its_invocation_only(service):
    service.register("f", lambda _event, _context: sys.exit(3))
    error = error_of(service, "f")
    assert error["errorType"] == "Runtime.ExitError"
    assert "exit status 3" in error["errorMessage"]


def test_the_context_tells_what_aws_s_tells(service):
    seen = []

    def handler(_event, context):
        seen.append(context)
        return context.get_remaining_time_in_millis()

    arn = service.register("f", handler, timeout_seconds=30, memory_mb=256)
    result = invoke(service, "f")
    (context,) = seen
    assert (context.function_name, context.function_version, context.memory_limit_in_mb) == ("f", "$LATEST", "256")
    assert context.invoked_function_arn == arn
    assert context.aws_request_id == result.request_id
    assert context.log_group_name == "/aws/lambda/f"
    assert "[$LATEST]" in context.log_stream_name
    assert 0 < int(result.payload) <= 30_000


def test_each_function_sees_its_own_variables_and_the_process_none_of_them(service, monkeypatch):
    monkeypatch.setenv("STEPSTACK_TEST_SHARED", "process")
    both = threading.Barrier(2, timeout=30)

    def handler(_event, _context):
        both.wait()
        return [os.environ.get("TABLE"), os.getenv("STEPSTACK_TEST_SHARED"), os.environ["AWS_LAMBDA_FUNCTION_NAME"], "TABLE" in os.environ]

    service.register("one", handler, variables={"TABLE": "first"})
    service.register("two", handler, variables={"TABLE": "second", "STEPSTACK_TEST_SHARED": "own"})

    async def run():
        return await asyncio.gather(service.invoke("one"), service.invoke("two"))

    one, two = (json.loads(result.payload) for result in asyncio.run(run()))
    assert one == ["first", "process", "one", True]
    assert two == ["second", "own", "two", True]
    assert "TABLE" not in os.environ
    assert type(os.environ) is os._Environ


def test_what_a_function_sets_in_its_environment_stays_its_own(service, monkeypatch):
    monkeypatch.setenv("STEPSTACK_TEST_SHARED", "process")

    def handler(_event, _context):
        before = os.environ.get("COUNT", "0")
        os.environ["COUNT"] = str(int(before) + 1)
        os.environ.pop("STEPSTACK_TEST_SHARED", None)
        return [before, "STEPSTACK_TEST_SHARED" in os.environ, "COUNT" in dict(os.environ)]

    service.register("f", handler)
    assert [result_of(service, "f") for _ in range(2)] == [["0", False, True], ["1", False, True]]
    assert "COUNT" not in os.environ
    assert os.environ["STEPSTACK_TEST_SHARED"] == "process"


def test_output_and_log_records_are_in_the_log_in_order(service, capsys):
    logger = logging.getLogger("test_lambda_service")

    def handler(_event, _context):
        print("printed")  # noqa: T201
        logger.warning("logged %s", 1)
        print("no newline", end="")  # noqa: T201
        print("to stderr", file=sys.stderr)  # noqa: T201

    service.register("f", handler)
    result = invoke(service, "f")
    lines = result.log_tail.decode().split("\n")
    assert lines[0] == f"START RequestId: {result.request_id} Version: $LATEST"
    assert lines[1] == "printed"
    assert lines[2].startswith("[WARNING]\t")
    assert lines[2].endswith(f"\t{result.request_id}\tlogged 1")
    assert lines[3] == "no newlineto stderr"
    assert lines[4] == f"END RequestId: {result.request_id}"
    assert lines[5].startswith(f"REPORT RequestId: {result.request_id}\tDuration: ")
    assert "printed" in capsys.readouterr().out
    assert all(type(handler).__name__ != "_FunctionLogging" for handler in logging.getLogger().handlers)


def test_an_error_is_logged_as_aws_logs_it(service):
    def handler(_event, _context):
        raise RuntimeError("no")

    service.register("f", handler)
    assert "[ERROR] RuntimeError: no\rTraceback (most recent call last):\r" in invoke(service, "f").log_tail.decode()


def test_a_named_handler_may_be_patched_between_invocations(service, monkeypatch):
    service.register("f", f"{__name__}:module_handler")
    assert result_of(service, "f") == "original"
    monkeypatch.setattr(sys.modules[__name__], "module_handler", lambda _event, _context: "patched")
    assert result_of(service, "f") == "patched"


def module_handler(_event, _context):
    return "original"


def test_two_folders_with_modules_of_the_same_names_do_not_meet(service, tmp_path):
    for name in ("one", "two"):
        folder(
            tmp_path / name,
            app="import shared.names\nfrom shared import names as again\nfrom shared.names import NAME\n\n\n"
            "def handler(event, context):\n    import late\n    return [NAME, shared.names.NAME, again.NAME, late.NAME]\n",
            shared____init__="",
            shared__names=f"NAME = {name!r}\n",
            late=f"NAME = {name!r}\n",
        )
        service.register(name, tmp_path / name, handler_name="app.handler")
    assert result_of(service, "one") == ["one"] * 4
    assert result_of(service, "two") == ["two"] * 4


def test_a_module_of_the_process_with_the_same_name_is_left_alone(service, tmp_path, monkeypatch):
    mine = folder(tmp_path / "mine", app_of_both="NAME = 'tests'\n")
    monkeypatch.syspath_prepend(str(mine))
    import app_of_both

    theirs = folder(tmp_path / "theirs", app_of_both="NAME = 'function'\n\n\ndef handler(event, context):\n    return NAME\n")
    service.register("f", theirs, handler_name="app_of_both.handler")
    assert result_of(service, "f") == "function"
    assert sys.modules["app_of_both"] is app_of_both
    assert app_of_both.NAME == "tests"


def test_modules_with_dataclasses_packages_and_relative_imports_work(service, tmp_path):
    folder(
        tmp_path,
        src__orders__app="from __future__ import annotations\nfrom dataclasses import dataclass, asdict\n"
        "from . import rates\nfrom .rates import RATE\n\n\n@dataclass\nclass Order:\n    amount: int\n\n\n"
        "def handler(event, context):\n    return asdict(Order(event['amount'] * RATE * rates.RATE))\n",
        src__orders__rates="RATE = 2\n",
    )
    service.register("f", tmp_path, handler_name="src/orders/app.handler")
    assert result_of(service, "f", {"amount": 3}) == {"amount": 12}


def test_a_module_is_imported_once_and_again_after_a_timeout(service, tmp_path):
    code = "import itertools\ncalls = itertools.count(1)\n\n\ndef handler(event, context):\n    number = next(calls)\n"
    code += "    while event:\n        pass\n    return number\n"
    service.register("f", folder(tmp_path, app=code), handler_name="app.handler", timeout_seconds=1)
    assert [result_of(service, "f", 0), result_of(service, "f", 0)] == [1, 2]
    assert error_of(service, "f", 1)["errorType"] == "Sandbox.Timedout"
    assert result_of(service, "f", 0) == 1


def test_nothing_of_a_folder_is_left_in_the_process(service, tmp_path):
    service.register("f", folder(tmp_path, app="def handler(event, context):\n    return 1\n"), handler_name="app.handler")
    result_of(service, "f")
    service.unregister("f")
    assert [name for name in sys.modules if name.startswith("stepstack_lambda_")] == []
    assert all(type(finder).__name__ != "_Finder" for finder in sys.meta_path)
    assert tmp_path.exists()


def test_an_asynchronous_invocation_answers_at_once_and_runs(service):
    ran = []
    gate = threading.Event()

    def handler(event, _context):
        gate.wait(30)
        ran.append(event)

    service.register("f", handler)

    async def run():
        result = await service.invoke("f", b"1", invocation_type="Event")
        assert (result.status_code, result.payload, ran) == (202, b"", [])
        gate.set()
        await service.settle()

    asyncio.run(run())
    assert ran == [1]


def test_a_dry_run_runs_nothing(service):
    ran = []
    service.register("f", lambda event, _context: ran.append(event))
    assert invoke(service, "f", 1, invocation_type="DryRun").status_code == 204
    assert ran == []


def test_a_payload_over_the_limit_of_lambda_is_refused(service):
    service.register("f", lambda event, _context: event)
    with pytest.raises(ServiceError, match="RequestTooLargeException"):
        asyncio.run(service.invoke("f", b'"' + b"x" * 6_291_456 + b'"'))


def test_a_result_over_the_limit_of_lambda_is_an_error(service):
    service.register("f", lambda _event, _context: "x" * 6_291_556)
    assert error_of(service, "f")["errorType"] == "Function.ResponseSizeTooLarge"


def test_a_cancelled_caller_leaves_the_handler_running_to_its_end(service):
    gate, ended = threading.Event(), threading.Event()

    def handler(_event, _context):
        gate.wait(30)
        ended.set()

    service.register("f", handler)

    async def run():
        call = asyncio.create_task(service.invoke("f"))
        await asyncio.sleep(0)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)

    asyncio.run(run())
    gate.set()
    assert ended.wait(10)


def test_a_name_that_is_none_is_refused(service):
    with pytest.raises(ServiceError, match="InvalidParameterValueException"):
        service.register("no spaces allowed", lambda event, _context: event)
    with pytest.raises(ValueError, match="is named"):
        service.register("f", "module.function")


def test_a_handler_s_own_files_are_beside_its_module(service, tmp_path):
    (tmp_path / "greeting.txt").write_text("hello")
    code = "from pathlib import Path\nimport os\n\n\ndef handler(event, context):\n"
    code += "    root = os.environ['LAMBDA_TASK_ROOT']\n"
    code += "    return [Path(__file__).with_name('greeting.txt').read_text(), sorted(os.listdir(root))[-1]]\n"
    service.register("f", folder(tmp_path, app=code), handler_name="app.handler")
    assert result_of(service, "f") == ["hello", "greeting.txt"]


def test_a_function_whose_folder_is_gone_says_so_at_once(service, tmp_path):
    code = folder(tmp_path / "code", app="def handler(event, context): ...")
    service.register("gone", code, handler_name="app.handler")
    shutil.rmtree(code)

    assert error_of(service, "gone")["errorType"] == "Runtime.ImportModuleError"


def test_a_function_is_not_interrupted_once_its_handler_has_returned(service):
    reached, released, ended = threading.Event(), threading.Event(), threading.Event()

    class SlowToWrite(dict):
        def items(self):
            reached.set()
            released.wait(20)
            ended.set()
            return super().items()

    service.register("f", lambda _event, _context: SlowToWrite(a=1), timeout_seconds=1)
    assert error_of(service, "f")["errorType"] == "Sandbox.Timedout"
    assert reached.is_set()
    released.set()
    assert ended.wait(20)


def test_a_module_that_hangs_at_import_fails_others_with_its_name(service, tmp_path, monkeypatch):
    monkeypatch.setattr(lambda_runtime, "INIT_SECONDS", 0.05)
    importing, released = threading.Event(), threading.Event()
    monkeypatch.setattr(threading, "stepstack_hang", lambda: (importing.set(), released.wait(20)), raising=False)
    root = folder(tmp_path, hangs="import threading\nthreading.stepstack_hang()\ndef handler(event, context): ...\n")
    service.register("hangs", root, handler_name="hangs.handler")
    service.register("f", lambda _event, _context: 1)

    async def scenario():
        first = asyncio.ensure_future(service.invoke("hangs", b"{}"))
        await asyncio.to_thread(importing.wait, 20)
        other = await service.invoke("f", b"{}")
        released.set()
        await first
        return other

    error = json.loads(asyncio.run(scenario()).payload)
    assert error["errorType"] == "Runtime.InitTimeout"
    assert "hangs.handler has been importing" in error["errorMessage"]
