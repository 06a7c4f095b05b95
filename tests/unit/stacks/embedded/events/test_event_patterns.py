import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepstack.errors import ServiceError
from stepstack.stacks.embedded.events.event_patterns import EventPattern

EVENT = {
    "source": "shop.orders",
    "detail": {
        "state": "done",
        "count": 5,
        "ok": True,
        "none": None,
        "empty": "",
        "tags": ["a", "b"],
        "ip": "10.0.0.7",
        "path": "dir/file.png",
    },
    "lines": [{"sku": "x"}, {"sku": "y"}],
}


@pytest.mark.parametrize(
    "pattern",
    [
        {"source": ["shop.orders"]},
        {"source": ["other", "shop.orders"]},
        {"source": ["shop.orders"], "detail": {"state": ["done"], "count": [5]}},
        {"detail": {"state": [{"prefix": "do"}]}},
        {"detail": {"state": [{"prefix": {"equals-ignore-case": "DO"}}]}},
        {"detail": {"path": [{"suffix": ".png"}]}},
        {"detail": {"state": [{"equals-ignore-case": "DONE"}]}},
        {"detail": {"state": [{"anything-but": "failed"}]}},
        {"detail": {"state": [{"anything-but": ["failed", "stopped"]}]}},
        {"detail": {"state": [{"anything-but": {"prefix": "fail"}}]}},
        {"detail": {"state": [{"anything-but": {"suffix": ["x", "y"]}}]}},
        {"detail": {"count": [{"numeric": [">", 4, "<=", 5]}]}},
        {"detail": {"count": [{"numeric": ["=", 5.0]}]}},
        {"detail": {"state": [{"exists": True}]}},
        {"detail": {"absent": [{"exists": False}]}},
        {"absent": {"inner": [{"exists": False}]}},
        {"detail": {"none": [None]}},
        {"detail": {"empty": [""]}},
        {"detail": {"ok": [True]}},
        {"detail": {"tags": ["b"]}},
        {"detail": {"ip": [{"cidr": "10.0.0.0/24"}]}},
        {"detail": {"path": [{"wildcard": "dir/*.png"}]}},
        {"lines": {"sku": ["y"]}},
        {"$or": [{"source": ["nope"]}, {"detail": {"count": [5]}}]},
    ],
    ids=json.dumps,
)
def test_patterns_that_match(pattern):
    assert EventPattern.compile(json.dumps(pattern)).matches(EVENT)


@pytest.mark.parametrize(
    "pattern",
    [
        {"source": ["shop"]},
        {"source": ["shop.orders"], "detail": {"state": ["open"]}},
        {"detail": {"count": ["5"]}},
        {"detail": {"ok": [1]}},
        {"detail": {"state": [{"anything-but": "done"}]}},
        {"detail": {"absent": [{"anything-but": "done"}]}},
        {"detail": {"count": [{"numeric": [">", 5]}]}},
        {"detail": {"ok": [{"numeric": [">=", 0]}]}},
        {"detail": {"absent": [{"exists": True}]}},
        {"detail": {"state": [{"exists": False}]}},
        {"detail": [{"exists": True}]},
        {"detail": {"ip": [{"cidr": "10.1.0.0/24"}]}},
        {"detail": {"state": [{"cidr": "10.1.0.0/24"}]}},
        {"detail": {"path": [{"wildcard": "*.jpg"}]}},
        {"source": {"inner": ["x"]}},
        {"$or": [{"source": ["nope"]}, {"detail": {"count": [6]}}]},
    ],
    ids=json.dumps,
)
def test_patterns_that_do_not_match(pattern):
    assert not EventPattern.compile(json.dumps(pattern)).matches(EVENT)


@pytest.mark.parametrize(
    "text",
    [
        "nonsense",
        "[" * 100_000,
        '{"a":' * 950 + '["b"]' + "}" * 950,
        "[]",
        "{}",
        '{"a": "b"}',
        '{"a": []}',
        '{"a": [{"prefix": 1}]}',
        '{"a": [{"fancy": 1}]}',
        '{"a": [{"prefix": "x", "suffix": "y"}]}',
        '{"a": [{"numeric": [">"]}]}',
        '{"a": [{"numeric": ["~", 1]}]}',
        '{"a": [{"exists": 1}]}',
        '{"a": [{"cidr": "x"}]}',
        '{"a": [{"wildcard": "a**b"}]}',
        '{"a": [{"anything-but": {"numeric": 1}}]}',
        '{"$or": [{"a": [1]}]}',
    ],
)
def test_a_malformed_pattern_is_refused(text):
    with pytest.raises(ServiceError, match="Event pattern is not valid"):
        EventPattern.compile(text)


@given(st.text(), st.text())
def test_anything_but_is_the_opposite_of_equal(value, wanted):
    equal = EventPattern.compile(json.dumps({"a": [wanted]})).matches({"a": value})
    assert EventPattern.compile(json.dumps({"a": [{"anything-but": wanted}]})).matches({"a": value}) is not equal


def test_a_pattern_of_many_wildcards_is_judged_however_long_the_value_is():
    pattern = EventPattern.compile(json.dumps({"name": [{"wildcard": "*a" * 12 + "*b"}]}))

    assert not pattern.matches({"name": "a" * 50_000})
    assert pattern.matches({"name": "a" * 50_000 + "b"})
