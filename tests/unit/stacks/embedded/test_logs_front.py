from datetime import datetime, timezone

import pytest


@pytest.fixture
def logs(services, json_calls):
    services.reset()
    call = json_calls("logs", "Logs_20140328")

    call("CreateLogGroup", logGroupName="audit")
    put(call, "one", ['{"type": "USER", "n": 1}', '{"type": "ORDER", "n": 2}', "plain USER text"])
    put(call, "two", ['{"type": "USER", "n": 3}'], start=1)
    return call


NOW = int(datetime.now(timezone.utc).timestamp() * 1000) - 60_000
"""Logs takes events of the last two weeks only."""


def put(call, stream, messages, *, start=0):
    call("CreateLogStream", logGroupName="audit", logStreamName=stream)
    events = [{"timestamp": NOW + start + 2 * number, "message": message} for number, message in enumerate(messages)]
    call("PutLogEvents", logGroupName="audit", logStreamName=stream, logEvents=events)


def messages(answer):
    status, body = answer
    assert status == 200, body
    return [event["message"] for event in body["events"]]


def test_json_patterns_select_events(logs):
    found = logs("FilterLogEvents", logGroupName="audit", filterPattern='{ $.type = "USER" }')
    assert messages(found) == ['{"type": "USER", "n": 1}', '{"type": "USER", "n": 3}']
    assert messages(logs("FilterLogEvents", logGroupName="audit", filterPattern='{ $.type = "NOPE" }')) == []


def test_terms_select_events(logs):
    assert messages(logs("FilterLogEvents", logGroupName="audit", filterPattern="USER -type")) == ["plain USER text"]


def test_without_a_pattern_all_events_come_in_their_order_with_stream_and_id(logs):
    _, found = logs("FilterLogEvents", logGroupName="audit")
    assert [(event["logStreamName"], event["timestamp"] - NOW) for event in found["events"]] == [
        ("one", 0),
        ("two", 1),
        ("one", 2),
        ("one", 4),
    ]
    assert len({event["eventId"] for event in found["events"]}) == 4


def test_pages_are_of_matching_events(logs):
    first = logs("FilterLogEvents", logGroupName="audit", filterPattern="USER", limit=2)
    assert len(messages(first)) == 2
    rest = logs("FilterLogEvents", logGroupName="audit", filterPattern="USER", limit=2, nextToken=first[1]["nextToken"])
    assert messages(rest) == ["plain USER text"]
    assert "nextToken" not in rest[1]


def test_a_token_of_another_search_is_refused(logs):
    first = logs("FilterLogEvents", logGroupName="audit", filterPattern="USER", limit=1)
    status, answer = logs("FilterLogEvents", logGroupName="audit", filterPattern="ORDER", nextToken=first[1]["nextToken"])
    assert (status, answer["message"]) == (400, "The specified nextToken is invalid.")


def test_streams_prefixes_times_and_arns_narrow_the_search(logs):
    assert messages(logs("FilterLogEvents", logGroupName="audit", logStreamNames=["two"])) == ['{"type": "USER", "n": 3}']
    assert messages(logs("FilterLogEvents", logGroupName="audit", logStreamNamePrefix="tw")) == ['{"type": "USER", "n": 3}']
    assert messages(logs("FilterLogEvents", logGroupName="audit", startTime=NOW + 3)) == ["plain USER text"]
    arn = "arn:aws:logs:us-east-1:123456789012:log-group:audit:*"
    assert len(messages(logs("FilterLogEvents", logGroupIdentifier=arn))) == 4


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"logGroupName": "nope"}, "ResourceNotFoundException"),
        ({"logGroupName": "audit", "filterPattern": "{ $.a ~ 1 }"}, "InvalidParameterException"),
        ({"logGroupName": "audit", "limit": 10_001}, "InvalidParameterException"),
        ({"logGroupName": "audit", "logStreamNames": ["one"], "logStreamNamePrefix": "o"}, "InvalidParameterException"),
    ],
    ids=["no group", "pattern", "limit", "streams and prefix"],
)
def test_what_logs_refuses_is_refused(logs, parameters, code):
    status, answer = logs("FilterLogEvents", **parameters)
    assert (status, answer["__type"]) == (400, code)


def test_a_metric_filter_may_be_tried(logs):
    _, answer = logs("TestMetricFilter", filterPattern="{ $.n > 1 }", logEventMessages=['{"n": 1}', '{"n": 2}'])
    assert answer == {"matches": [{"eventNumber": 2, "eventMessage": '{"n": 2}', "extractedValues": {"$.n": "2"}}]}


def test_a_metric_filter_with_a_malformed_pattern_is_refused(logs):
    metric = [{"metricName": "m", "metricNamespace": "n", "metricValue": "1"}]
    parameters = {"logGroupName": "audit", "filterName": "f", "metricTransformations": metric}
    assert logs("PutMetricFilter", **parameters, filterPattern="{ $.n > }")[0] == 400
    assert logs("PutMetricFilter", **parameters, filterPattern="{ $.n > 1 }")[0] == 200


def test_many_events_are_all_searched(logs):
    put(logs, "three", [f"event {number}" for number in range(10_500)])
    found = logs("FilterLogEvents", logGroupName="audit", logStreamNames=["three"], filterPattern='"event 10499"')
    assert messages(found) == ["event 10499"]
