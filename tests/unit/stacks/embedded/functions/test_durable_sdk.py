import sys
from functools import partial
from types import ModuleType, SimpleNamespace

import pytest

from stepstack.stacks.embedded.functions.durable_sdk import renew_client

SDK = "aws_durable_execution_sdk_python.lambda_service"


@pytest.fixture
def sdk(monkeypatch):
    """A module that keeps one client for the process, as AWS's SDK does; `made` and `closed` are its clients' URLs."""
    module = ModuleType(SDK)
    module.made, module.closed = [], []

    class LambdaClient:
        _cached_boto_client = None

        @classmethod
        def initialize_client(cls):
            if cls._cached_boto_client is None:
                module.made.append(module.endpoint)
                closed = partial(module.closed.append, module.endpoint)
                cls._cached_boto_client = SimpleNamespace(meta=SimpleNamespace(endpoint_url=module.endpoint), close=closed)

    module.LambdaClient = LambdaClient
    monkeypatch.setitem(sys.modules, SDK, module)
    return module


def renew(sdk, endpoint, **more):
    sdk.endpoint = endpoint
    renew_client({"AWS_ENDPOINT_URL": endpoint, **more})


def test_the_client_of_another_stack_is_not_used(sdk):
    for endpoint in ("http://one", "http://one", "http://two"):
        renew(sdk, endpoint)
    assert (sdk.made, sdk.closed) == (["http://one", "http://two"], ["http://one"])


def test_lambdas_own_endpoint_comes_first(sdk):
    sdk.endpoint = "http://lambda"
    renew_client({"AWS_ENDPOINT_URL": "http://all", "AWS_ENDPOINT_URL_LAMBDA": "http://lambda"})
    renew_client({"AWS_ENDPOINT_URL": "http://all", "AWS_ENDPOINT_URL_LAMBDA": "http://lambda"})
    assert sdk.made == ["http://lambda"]


def test_a_function_that_calls_aws_is_left_alone(sdk):
    renew_client({})
    assert sdk.made == []


def test_the_sdk_need_not_be_there(monkeypatch):
    monkeypatch.delitem(sys.modules, SDK, raising=False)
    renew_client({"AWS_ENDPOINT_URL": "http://one"})
    assert SDK not in sys.modules
