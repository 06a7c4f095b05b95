"""Lambda functions in the test's own process."""

from __future__ import annotations

import json

import pytest

from stepstack.errors import SettingsError

SHOP = """
def price(event, context):
    return {"price": event["pieces"] * 3, "function": context.function_name}
"""

TEMPLATE = """
Resources:
  Price:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: src, Handler: app.handler, Runtime: python3.12, Environment: {Variables: {FACTOR: "4"}}}
"""


def calling(arn):
    return {"StartAt": "Call", "States": {"Call": {"Type": "Task", "Resource": arn, "End": True}}}


def test_a_callable_is_reached_by_its_arn_and_sees_this_process(state_machine, lambda_functions):
    seen = []

    def handler(event, context):
        seen.append(context.aws_request_id)
        return {"got": event}

    functions = lambda_functions(pay=handler)

    assert functions["pay"] == "arn:aws:lambda:us-east-1:123456789012:function:pay"
    assert state_machine(calling(functions["pay"])).run({"a": 1}).output == {"got": {"a": 1}}
    assert len(seen) == 1


def test_a_coroutine_function_is_a_handler_too(state_machine, lambda_functions):
    async def handler(event, _context):
        return event + 1

    lambda_functions({"add": handler})

    assert state_machine(calling(lambda_functions["add"])).run("1").output == 2


def test_a_word_names_a_module_and_its_function(state_machine, lambda_functions, tmp_path, monkeypatch):
    (tmp_path / "shop_of_test_functions.py").write_text(SHOP)
    monkeypatch.syspath_prepend(tmp_path)

    lambda_functions({"price": "shop_of_test_functions:price"})

    assert state_machine(calling(lambda_functions["price"])).run({"pieces": 2}).output == {"price": 6, "function": "price"}


def test_an_exception_is_the_errors_payload_and_told_in_full(state_machine, lambda_functions):
    class OutOfStock(Exception):
        pass

    def look(_event):
        raise OutOfStock("none left")

    lambda_functions(stock=lambda event, _context: look(event))

    execution = state_machine(calling(lambda_functions["stock"])).run().failed("OutOfStock")
    payload = json.loads(execution.cause)
    assert (payload["errorType"], payload["errorMessage"]) == ("OutOfStock", "none left")
    assert "  cause: OutOfStock: none left" in execution.explanation
    assert "in look" in execution.explanation


def test_boto3_invokes_the_same_functions(stepstack, lambda_functions):
    lambda_functions(pay=lambda event, _context: event["amount"])

    answer = stepstack.client("lambda").invoke(FunctionName="pay", Payload=b'{"amount": 5}')

    assert json.loads(answer["Payload"].read()) == 5


def test_functions_of_a_template_have_their_folder_and_environment(state_machine, lambda_functions, tmp_path):
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "app.py").write_text("import os\ndef handler(event, _): return event * int(os.environ['FACTOR'])\n")

    lambda_functions.from_template(tmp_path / "template.yaml")

    assert state_machine(calling(lambda_functions["Price"])).run("5").output == 20


def test_a_durable_function_is_called_by_its_qualified_arn(state_machine, lambda_functions):
    def handler(event, _context):
        # What AWS's SDK makes of an invocation that waits for nothing.
        [execution] = event["InitialExecutionState"]["Operations"]
        return {"Status": "SUCCEEDED", "Result": execution["ExecutionDetails"]["InputPayload"]}

    lambda_functions(order=handler, durable_config={"ExecutionTimeout": 60})

    assert lambda_functions["order"].endswith(":function:order:$LATEST")
    assert state_machine(calling(lambda_functions["order"])).run({"orderId": "1"}).output == {"orderId": "1"}


def test_a_durable_function_of_a_template_is_durable(lambda_functions, tmp_path):
    (tmp_path / "template.yaml").write_text(TEMPLATE.replace("CodeUri: src,", "CodeUri: src, DurableConfig: {ExecutionTimeout: 60},"))
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "app.py").write_text("def handler(event, _): return event\n")

    functions = lambda_functions.from_template(tmp_path / "template.yaml")

    assert all(arn.endswith(":$LATEST") for arn in functions.values())


def test_a_handler_that_is_none_is_refused(lambda_functions):
    with pytest.raises(SettingsError, match="the handler of 'pay' is a callable or 'module:function', and this is 'shop'"):
        lambda_functions(pay="shop")


def test_functions_are_gone_when_their_test_has_ended(stepstack):
    from stepstack.testing import LambdaFunctions

    with LambdaFunctions(stepstack) as functions:
        functions(gone=lambda event, _context: event)
        assert list(functions) == ["gone"]

    names = [function["FunctionName"] for function in stepstack.client("lambda").list_functions()["Functions"]]
    assert "gone" not in names
