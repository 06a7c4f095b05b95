import asyncio
import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from stepstack.clock import Randomness
from stepstack.stacks.embedded.functions.lambda_service import LambdaService


@pytest.fixture
def service():
    functions = LambdaService(randomness=Randomness(1))
    yield functions
    functions.close()


def result_of(service, name):
    return json.loads(asyncio.run(service.invoke(name)).payload)


def log_of(service):
    [[*events]] = service.logs._waiting.values()
    return [message for _, message in events]


def in_thread(work):
    found = []
    thread = threading.Thread(target=lambda: found.append(work()))
    thread.start()
    thread.join()
    return found[0]


def in_pool(work):
    with ThreadPoolExecutor(2) as pool:
        return pool.submit(lambda: pool.submit(work).result()).result()


@pytest.mark.parametrize("elsewhere", [in_thread, in_pool])
def test_a_thread_that_a_handler_starts_has_the_handlers_environment_and_log(service, elsewhere):
    def work():
        print("from a thread")  # noqa: T201 - what is tested
        return os.environ["TABLE"]

    service.register("function", lambda _event, _context: elsewhere(work), variables={"TABLE": "orders"})

    assert result_of(service, "function") == "orders"
    assert "from a thread\n" in log_of(service)


def test_a_thread_of_somebody_else_has_the_environment_of_the_process(service):
    assert "TABLE" not in os.environ
    may_go, has_gone = threading.Event(), threading.Event()
    seen = []

    def look():
        may_go.wait(10)
        # Started while a function runs, but not by it.
        other = threading.Thread(target=lambda: seen.append(os.environ.get("TABLE")))
        other.start()
        other.join()
        has_gone.set()

    thread = threading.Thread(target=look)
    thread.start()

    def handler(_event, _context):
        may_go.set()
        return has_gone.wait(10)

    service.register("function", handler, variables={"TABLE": "orders"})
    assert result_of(service, "function") is True
    thread.join()
    assert seen == [None]


def test_threads_start_as_before_when_no_function_runs(service):
    before = threading.Thread.start
    service.register("function", lambda _event, _context: None)
    result_of(service, "function")
    assert threading.Thread.start is before
