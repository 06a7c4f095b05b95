import json
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepstack.errors import ServiceError
from stepstack.stacks.embedded import dynamodb as embedded_dynamodb
from stepstack.stacks.embedded.dynamodb import DynamoDbFront, _canonical_number
from stepstack.stacks.embedded.request import ServiceRequest, ServiceResponse


@pytest.fixture
def dynamodb(services, json_calls):
    services.reset()
    call = json_calls("dynamodb", "DynamoDB_20120810")

    call(
        "CreateTable",
        TableName="people",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return call


KEY = {"id": {"S": "1"}}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        pytest.param({"N": "1" * 39}, "Attempting to store more than 38 significant digits in a Number", id="39 digits"),
        pytest.param(
            {"N": "0." + "1" * 39}, "Attempting to store more than 38 significant digits in a Number", id="39 digits of a fraction"
        ),
        pytest.param(
            {"N": "1e126"}, "Number overflow. Attempting to store a number with magnitude larger than supported range", id="too large"
        ),
        pytest.param(
            {"N": "1e-131"}, "Number underflow. Attempting to store a number with magnitude smaller than supported range", id="small"
        ),
        pytest.param({"N": "one"}, "The parameter cannot be converted to a numeric value: one", id="no number"),
        pytest.param(
            {"N": "1e99999999999999999999"},
            "The parameter cannot be converted to a numeric value: 1e99999999999999999999",
            id="more than numbers take",
        ),
        pytest.param({"N": "NaN"}, "The parameter cannot be converted to a numeric value: NaN", id="NaN"),
        pytest.param({}, "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes", id="no type"),
        pytest.param(
            {"S": "a", "N": "1"},
            "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes",
            id="two types",
        ),
        pytest.param(
            {"SS": ["a", "b", "a"]},
            "One or more parameter values were invalid: Input collection [a, b, a] contains duplicates.",
            id="strings twice",
        ),
        pytest.param({"NS": ["1", "1.0"]}, "Input collection contains duplicates", id="numbers twice"),
        pytest.param(
            {"NULL": False},
            "One or more parameter values were invalid: Null attribute value types must have the value of true",
            id="null false",
        ),
    ],
)
@pytest.mark.parametrize(
    "nesting", [lambda value: value, lambda value: {"L": [{"S": "x"}, {"M": {"deep": value}}]}], ids=["plain", "nested"]
)
def test_a_value_that_dynamodb_refuses_is_refused(dynamodb, value, message, nesting):
    status, answer = dynamodb("PutItem", TableName="people", Item={**KEY, "a": nesting(value)})
    assert (status, answer["__type"].rpartition("#")[2], answer["message"]) == (400, "ValidationException", message)
    assert dynamodb("GetItem", TableName="people", Key=KEY) == (200, {})


@pytest.mark.parametrize(
    ("operation", "parameters"),
    [
        ("DeleteTable", {}),
        ("DescribeTable", {}),
        ("DescribeTimeToLive", {}),
        ("UpdateTable", {"BillingMode": "PAY_PER_REQUEST"}),
        ("UpdateTimeToLive", {"TimeToLiveSpecification": {"AttributeName": "ends", "Enabled": True}}),
    ],
)
def test_an_operation_on_a_table_names_the_one_that_is_not_there(dynamodb, operation, parameters):
    status, answer = dynamodb(operation, TableName="nobody", **parameters)
    assert (status, answer["__type"].rpartition("#")[2]) == (400, "ResourceNotFoundException")
    assert answer["message"] == "Requested resource not found: Table: nobody not found"


def test_a_wrong_expression_value_is_named(dynamodb):
    update = {"UpdateExpression": "SET a = :a", "ExpressionAttributeValues": {":a": {"N": "x"}}}
    _, answer = dynamodb("UpdateItem", TableName="people", Key=KEY, **update)
    assert answer["message"] == (
        "ExpressionAttributeValues contains invalid value: The parameter cannot be converted to a numeric value: x for key :a"
    )


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("1", "1"),
        ("001.500", "1.5"),
        ("1.5E0", "1.5"),
        ("1E+2", "100"),
        ("-0", "0"),
        ("0.000", "0"),
        ("1e-10", "0.0000000001"),
        ("-12.340", "-12.34"),
        ("1" * 38, "1" * 38),
        ("1e125", "1" + "0" * 125),
        ("+5", "5"),
        (".5", "0.5"),
    ],
)
def test_a_number_is_stored_as_dynamodb_returns_it(dynamodb, sent, stored):
    dynamodb("PutItem", TableName="people", Item={**KEY, "n": {"N": sent}, "set": {"NS": [sent]}, "list": {"L": [{"N": sent}]}})
    _, answer = dynamodb("GetItem", TableName="people", Key=KEY)
    assert answer["Item"] == {**KEY, "n": {"N": stored}, "set": {"NS": [stored]}, "list": {"L": [{"N": stored}]}}


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**30), max_value=10**30, places=8))
def test_a_canonical_number_keeps_its_value_and_stays_as_it_is(number):
    text = _canonical_number(str(number))
    assert type(number)(text) == number
    assert _canonical_number(text) == text


@given(st.text(alphabet="0123456789.eE+-", max_size=12))
def test_any_text_is_a_number_or_refused(text):
    try:
        canonical = _canonical_number(text)
    except ServiceError as error:
        assert error.error_code == "ValidationException"  # noqa: PT017 - either outcome is right, each in its form
    else:
        assert "e" not in canonical.lower()


def put_requests(count):
    return [{"PutRequest": {"Item": {"id": {"S": str(number)}}}} for number in range(count)]


def test_a_batch_of_25_writes_is_made(dynamodb):
    assert dynamodb("BatchWriteItem", RequestItems={"people": put_requests(25)}) == (200, {"UnprocessedItems": {}})


@pytest.mark.parametrize(
    ("items", "message"),
    [
        pytest.param({"people": put_requests(26)}, "Member must have length less than or equal to 25", id="26 for one table"),
        pytest.param({"people": []}, "Member must have length greater than or equal to 1", id="none for a table"),
        pytest.param({}, "Member must have length greater than or equal to 1", id="no table"),
        pytest.param(
            {"people": put_requests(20), "b": put_requests(20)},
            "Too many items requested for the BatchWriteItem call",
            id="40 in two tables",
        ),
    ],
)
def test_a_batch_that_is_too_long_or_empty_writes_nothing(dynamodb, items, message):
    status, answer = dynamodb("BatchWriteItem", RequestItems=items)
    assert status == 400
    assert message in answer["message"]
    assert dynamodb("Scan", TableName="people")[1]["Count"] == 0


def test_the_capacity_of_a_batch_is_told_to_those_who_ask(dynamodb):
    _, answer = dynamodb("BatchWriteItem", RequestItems={"people": put_requests(1)}, ReturnConsumedCapacity="TOTAL")
    assert answer["ConsumedCapacity"][0]["TableName"] == "people"


def add_one(by="1"):
    values = {":n": {"N": by}}
    return [{"Update": {"TableName": "people", "Key": KEY, "UpdateExpression": "ADD n :n", "ExpressionAttributeValues": values}}]


def test_a_transaction_with_a_token_is_made_once(dynamodb):
    for _ in range(3):
        assert dynamodb("TransactWriteItems", TransactItems=add_one(), ClientRequestToken="token") == (200, {})
    assert dynamodb("GetItem", TableName="people", Key=KEY)[1]["Item"]["n"] == {"N": "1"}


def test_a_token_is_forgotten_after_ten_minutes(monkeypatch):
    front = DynamoDbFront()
    now = [1000.0]
    monkeypatch.setattr(embedded_dynamodb, "time", SimpleNamespace(monotonic=lambda: now[0]))

    def send(token):
        body = json.dumps({"TransactItems": [], "ClientRequestToken": token}).encode()
        request = ServiceRequest("POST", "/", "", {"x-amz-target": "DynamoDB_20120810.TransactWriteItems"}, body)
        front.answer(request, lambda _request: made.append(token) or ServiceResponse(200, {}, b"{}"))

    made = []
    for seconds, token in ((0, "a"), (599, "a"), (0, "b"), (1, "a"), (0, "b")):
        now[0] += seconds
        send(token)

    assert made == ["a", "b", "a"]
    now[0] += 600
    send("c")
    assert len(front._tokens) == 1


def test_another_transaction_with_the_same_token_is_refused(dynamodb):
    dynamodb("TransactWriteItems", TransactItems=add_one(), ClientRequestToken="token")
    status, answer = dynamodb("TransactWriteItems", TransactItems=add_one("5"), ClientRequestToken="token")
    assert (status, answer["__type"].rpartition("#")[2]) == (400, "IdempotentParameterMismatchException")


def test_a_failed_transaction_may_be_sent_again_with_its_token(dynamodb):
    check = [{"ConditionCheck": {"TableName": "people", "Key": KEY, "ConditionExpression": "attribute_exists(id)"}}]
    assert dynamodb("TransactWriteItems", TransactItems=check, ClientRequestToken="token")[0] == 400
    dynamodb("PutItem", TableName="people", Item=KEY)
    assert dynamodb("TransactWriteItems", TransactItems=check, ClientRequestToken="token")[0] == 200


@pytest.mark.parametrize(
    "key", [{"id": {"N": "1"}}, {"id": {"S": "1"}, "more": {"S": "x"}}, {"other": {"S": "1"}}], ids=["type", "more", "other"]
)
@pytest.mark.parametrize("operation", ["GetItem", "DeleteItem", "UpdateItem"])
def test_a_key_that_is_not_the_table_s_is_refused(dynamodb, operation, key):
    status, answer = dynamodb(operation, TableName="people", Key=key)
    assert (status, answer["message"]) == (400, "The provided key element does not match the schema")


def test_a_table_made_anew_has_its_new_key(dynamodb):
    dynamodb("GetItem", TableName="people", Key=KEY)
    dynamodb("DeleteTable", TableName="people")
    dynamodb(
        "CreateTable",
        TableName="people",
        KeySchema=[{"AttributeName": "number", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "number", "AttributeType": "N"}],
        BillingMode="PAY_PER_REQUEST",
    )
    assert dynamodb("GetItem", TableName="people", Key={"number": {"N": "1"}}) == (200, {})


@pytest.mark.parametrize(
    ("operation", "parameters", "message"),
    [
        pytest.param(
            "PutItem",
            {"Item": KEY, "ConditionExpression": "attribute_exists(id)", "ExpressionAttributeValues": {":a": {"S": "x"}}},
            "Value provided in ExpressionAttributeValues unused in expressions: keys: {:a}",
            id="unused",
        ),
        pytest.param(
            "PutItem",
            {"Item": KEY, "ExpressionAttributeValues": {":a": {"S": "x"}}},
            "ExpressionAttributeValues can only be specified when using expressions: ConditionExpression is null",
            id="no expression",
        ),
        pytest.param(
            "UpdateItem",
            {"Key": KEY, "UpdateExpression": "SET a = :b", "ExpressionAttributeValues": {":a": {"S": "x"}}},
            "Invalid UpdateExpression: An expression attribute value used in expression is not defined; attribute value: :b",
            id="undefined",
        ),
        pytest.param(
            "Scan",
            {"Limit": 0},
            "1 validation error detected: Value '0' at 'limit' failed to satisfy constraint: "
            "Member must have value greater than or equal to 1",
            id="limit 0",
        ),
    ],
)
def test_what_dynamodb_refuses_in_expressions_and_limits_is_refused(dynamodb, operation, parameters, message):
    status, answer = dynamodb(operation, TableName="people", **parameters)
    assert (status, answer["message"]) == (400, message)


def test_a_missing_parameter_is_named(dynamodb):
    _, answer = dynamodb("PutItem", Item=KEY)
    assert (
        answer["message"] == "1 validation error detected: Value null at 'tableName' failed to satisfy constraint: Member must not be null"
    )


def test_an_unknown_operation_is_refused(dynamodb):
    status, answer = dynamodb("Frobnicate")
    assert (status, answer["__type"].rpartition("#")[2]) == (400, "UnknownOperationException")


@pytest.mark.parametrize("name", ["/people", "pe", "p" * 256], ids=["sign", "short", "long"])
def test_a_table_name_that_is_none_is_refused(dynamodb, name):
    status, answer = dynamodb("GetItem", TableName=name, Key=KEY)
    assert (status, answer["message"].startswith(f"1 validation error detected: Value '{name}' at 'tableName' failed")) == (400, True)


def test_the_capacity_of_an_update_is_told_to_those_who_ask(dynamodb):
    assert dynamodb("UpdateItem", TableName="people", Key=KEY) == (200, {})
    assert "ConsumedCapacity" in dynamodb("UpdateItem", TableName="people", Key=KEY, ReturnConsumedCapacity="TOTAL")[1]
