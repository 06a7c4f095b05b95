import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepstack.errors import ServiceError
from stepstack.stacks.embedded.logs_filter import compile_pattern

BAD_REQUEST = "[ERROR 400] BAD REQUEST"
UNAUTHORIZED = "[ERROR 401] UNAUTHORIZED REQUEST"
MISSING = "[ERROR 419] MISSING ARGUMENTS"
INVALID = "[ERROR 420] INVALID ARGUMENTS"
SUCCESS = "[SUCCESS 200] AUTHORIZED REQUEST"
SERVER_ERROR = "[ERROR 500] INTERNAL SERVER ERROR"
ALL = [BAD_REQUEST, UNAUTHORIZED, MISSING, INVALID, SUCCESS, SERVER_ERROR]


@pytest.mark.parametrize(
    ("pattern", "matching"),
    [
        ("ERROR", [BAD_REQUEST, UNAUTHORIZED, MISSING, INVALID, SERVER_ERROR]),
        ("ERROR ARGUMENTS", [MISSING, INVALID]),
        ("?SUCCESS ?ARGUMENTS", [MISSING, INVALID, SUCCESS]),
        ('"INTERNAL SERVER ERROR"', [SERVER_ERROR]),
        ("ERROR -ARGUMENTS", [BAD_REQUEST, UNAUTHORIZED, SERVER_ERROR]),
        ('ERROR -"BAD REQUEST" -SERVER', [UNAUTHORIZED, MISSING, INVALID]),
        ("-ERROR", [SUCCESS]),
        ('" "', ALL),
        ("", ALL),
        ("%AUTHORIZED%", [UNAUTHORIZED, SUCCESS]),
        ("%ERROR 4[0-9]{2}%", [BAD_REQUEST, UNAUTHORIZED, MISSING, INVALID]),
        ("%REQUEST$%", [BAD_REQUEST, UNAUTHORIZED, SUCCESS]),
        ("error", []),
        ('?"BAD REQUEST" ?"SERVER"', [BAD_REQUEST, SERVER_ERROR]),
    ],
)
def test_terms_match_as_the_guide_shows(pattern, matching):
    assert [message for message in ALL if compile_pattern(pattern).matches(message)] == matching


def test_optional_terms_beside_others_have_no_effect():
    pattern = compile_pattern("?ERROR ?ARGUMENTS REQUEST")
    assert [message for message in ALL if pattern.matches(message)] == [BAD_REQUEST, UNAUTHORIZED, SUCCESS]


def test_an_escaped_quotation_mark_is_part_of_the_phrase():
    assert compile_pattern(r'"say \"hi\""').matches('they say "hi" there')


TRAIL = {
    "eventType": "UpdateTrail",
    "sourceIPAddress": "111.111.111.111",
    "arrayKey": ["value", "another value"],
    "objectList": [{"name": "a", "id": 1}, {"name": "b", "id": 2}],
    "SomeObject": None,
    "ThisFlag": True,
    "latency": 500,
    "ratio": 0.5,
    "status": "404",
    "count": -3,
}
USERS = {
    "user": {"id": 1, "email": "John.Stiles@example.com"},
    "users": [{"id": 2, "email": "John.Doe@example.com"}, {"id": 3, "email": "Jane.Doe@example.com"}],
    "actions": ["GET", "PUT", "DELETE"],
    "coordinates": [[0, 1, 2], [4, 5, 6], [7, 8, 9]],
}


@pytest.mark.parametrize(
    "pattern",
    [
        '{ $.eventType = "UpdateTrail" }',
        "{ $.eventType = UpdateTrail }",
        "{$.eventType=UpdateTrail}",
        "{ $.eventType = Update* }",
        '{ $.eventType = "*Trail" }',
        "{ $.eventType = *date* }",
        '{ $.eventType = "*" }',
        "{ $.sourceIPAddress != 123.123.* }",
        "{ $.sourceIPAddress = 111.111.* }",
        '{ $.arrayKey[0] = "value" }',
        "{ $.objectList[1].id = 2 }",
        "{ $.SomeObject IS NULL }",
        "{ $.SomeOtherObject NOT EXISTS }",
        "{ $.ThisFlag IS TRUE }",
        "{ $.latency >= 500 }",
        "{ $.latency < 10e3 }",
        "{ $.latency > +100 }",
        "{ $.latency = 5e2 }",
        "{ $.latency = * }",
        "{ $.latency = 5* }",
        "{ $.latency != 501 }",
        "{ $.ratio <= 0.5 }",
        "{ $.ratio > 10e-3 }",
        "{ $.count < -2.5 }",
        "{ $.count = -3 }",
        "{ $.status = 404 }",
        "{ $.status = 4* }",
        "{ $.status = %4[0-9]{2}% }",
        "{ $.latency = %^5% }",
        "{ $.eventType = UpdateTrail && $.latency > 1 }",
        "{ $.eventType = nope || $.latency > 1 }",
        "{ ($.eventType = nope || $.latency > 1) && ($.ThisFlag IS TRUE) }",
    ],
)
def test_json_patterns_that_match(pattern):
    assert compile_pattern(pattern).matches(json.dumps(TRAIL))


@pytest.mark.parametrize(
    "pattern",
    [
        "{ $.eventType = updatetrail }",
        "{ $.eventType != UpdateTrail }",
        "{ $.eventType = Up*ail }",
        "{ $.arrayKey = 1 }",
        "{ $.arrayKey != 1 }",
        "{ $.objectList[0] = * }",
        "{ $.arrayKey[2] = * }",
        "{ $.SomeObject = * }",
        "{ $.SomeObject NOT EXISTS }",
        "{ $.absent IS NULL }",
        "{ $.absent = * }",
        "{ $.absent != 1 }",
        "{ $.ThisFlag IS FALSE }",
        "{ $.eventType > 1 }",
        "{ $.ThisFlag = 1 }",
        "{ $.latency < 500 }",
        "{ $.eventType[0] = U }",
        "{ $.eventType.inner = x }",
    ],
)
def test_json_patterns_that_do_not_match(pattern):
    assert not compile_pattern(pattern).matches(json.dumps(TRAIL))


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ('{ ($.user.id = 1) && ($.users[0].email = "John.Doe@example.com") }', True),
        ('{ ($.user.id = 2 && $.users[0].email = "nonmatch") || $.actions[2] = "GET" }', False),
        ('{ $.user.email = "John.Stiles@example.com" || $.coordinates[0][1] = nonmatch && $.actions[2] = nomatch }', True),
        ('{ ($.user.email = "John.Stiles@example.com" || $.coordinates[0][1] = nonmatch) && $.actions[2] = nomatch }', False),
        ("{ $.coordinates[1][2] = 6 }", True),
    ],
)
def test_and_binds_closer_than_or(pattern, matches):
    assert compile_pattern(pattern).matches(json.dumps(USERS)) is matches


@pytest.mark.parametrize("message", ["plain text", '["a"]', '"text"', "12", "", '{"a": 1'])
def test_a_json_pattern_matches_json_objects_only(message):
    assert not compile_pattern("{ $.a NOT EXISTS }").matches(message)


APACHE = '127.0.0.1 Prod frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534'


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ("[ip, user, username, timestamp, request =*.html*, status_code = 4*, bytes]", True),
        ("[..., request =*.html*, status_code = 4*, bytes]", True),
        ("[..., request=*.html*, status_code=4*,]", True),
        ("[ip, user, ..., status_code, bytes]", True),
        ("[ip, user, ...]", True),
        ("[ip, user, username, timestamp, request, status_code, bytes > 1000]", True),
        ("[ip, user, username, timestamp, request, status_code, bytes > 2000]", False),
        ("[ip, user, username, timestamp, request, status_code = 200, bytes]", False),
        ("[ip, user, username, timestamp, request, status_code = 404 || status_code = 410, bytes]", True),
        ("[ip, user, username, timestamp, request, status_code = 4* && bytes > 1000]", False),
        ("[ip, user, username, timestamp, request, status_code = 4* && status_code != 403, bytes]", True),
        ("[ip, user, username, timestamp, request, (status_code = 403 || status_code = 404) && status_code != 403, bytes]", True),
        ("[ip=%^127%, ...]", True),
        ('[ip, user="Prod", ...]', True),
        ("[a, b, c, d, e, f, g, h]", False),
        ("[timestamp=*Z, ...]", False),
    ],
)
def test_space_delimited_patterns(pattern, matches):
    assert compile_pattern(pattern).matches(APACHE) is matches


def test_the_last_field_takes_the_rest_of_the_message():
    pattern = compile_pattern('[timestamp=*Z, request_id="*-*", event]')
    message = "2026-11-21T10:00:00.000Z 1b9-44 START the rest of it\n"
    assert pattern.extracted(message) == {
        "$timestamp": "2026-11-21T10:00:00.000Z",
        "$request_id": "1b9-44",
        "$event": "START the rest of it",
    }


@pytest.mark.parametrize(
    ("pattern", "first_words"),
    [("[w1=ERROR, w2]", ["ERROR"]), ("[w1=ERROR || w1=WARN, w2]", ["ERROR", "WARN"]), ("[w1!=ERROR && w1!=WARN, w2]", ["INFO"])],
)
def test_terms_in_order(pattern, first_words):
    words = ["ERROR", "WARN", "INFO"]
    assert [word for word in words if compile_pattern(pattern).matches(f"{word} message")] == first_words


def test_fields_are_extracted_by_name_or_number():
    assert compile_pattern("[..., request=*.html*, status_code=4*,]").extracted(APACHE) == {
        "$1": "127.0.0.1",
        "$2": "Prod",
        "$3": "frank",
        "$4": "10/Oct/2000:13:25:15 -0700",
        "$request": "GET /index.html HTTP/1.0",
        "$status_code": "404",
        "$7": "1534",
    }


def test_properties_are_extracted_by_selector():
    pattern = compile_pattern('{ $.eventType = "*" && $.latency > 1 && $.none NOT EXISTS }')
    assert pattern.extracted(json.dumps(TRAIL)) == {"$.eventType": "UpdateTrail", "$.latency": "500"}


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("user@example.com", "Invalid character(s) in term 'user@example.com'"),
        ('"open', "quotation mark is not closed"),
        ("%something!%", "characters that are not supported"),
        ("%(a)%", "characters that are not supported"),
        ("%[a%", "malformed"),
        ("{ $.a = }", "a value is missing"),
        ("{ $.a }", "followed by an operator"),
        ("{ $.a EXISTS }", "followed by an operator"),
        ("{ $.a IS NOT NULL }", "followed by an operator"),
        ("{ $.a > b }", "compares with a number"),
        ("{ a = 1 }", "begins with a property"),
        ("{ $.a = 1", "ends with }"),
        ("{ ($.a = 1 }", "parenthesis is not closed"),
        ("{ $.a = 1 ) }", "unexpected"),
        ("{ $.a = 1 && }", "begins with a property"),
        ("{ $.a = %a% && $.b = %b% && $.c = %c% }", "more than 2 regular expressions"),
        ("{ }", "begins with a property"),
        ("[a, b", "ends with ]"),
        ("[..., a, ...]", "more than one ellipsis"),
        ("[a > b]", "compares with a number"),
        ("[a b]", "unexpected"),
        ("x" * 1025, "length less than or equal to 1024"),
    ],
)
def test_a_malformed_pattern_is_refused_with_its_reason(pattern, reason):
    with pytest.raises(ServiceError) as caught:
        compile_pattern(pattern)
    assert caught.value.error_code == "InvalidParameterException"
    assert reason in caught.value.message


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_text_is_a_pattern_or_refused(pattern, message):
    try:
        compiled = compile_pattern(pattern)
    except ServiceError as error:
        assert error.error_code == "InvalidParameterException"  # noqa: PT017 - either outcome is right
    else:
        compiled.matches(message)


@given(
    st.lists(
        st.sampled_from(
            ["{", "}", "$.a", "$.b[0]", "=", "!=", ">", "&&", "||", "(", ")", '"x"', "1", "*", "IS", "NULL", "NOT", "EXISTS", "%a%"]
        )
    )
)
def test_any_row_of_json_tokens_is_a_pattern_or_refused(tokens):
    try:
        compiled = compile_pattern("{ " + " ".join(tokens) + " }")
    except ServiceError as error:
        assert error.error_code == "InvalidParameterException"  # noqa: PT017 - either outcome is right
    else:
        compiled.matches('{"a": 1, "b": ["x"]}')


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=5,
    )
)
def test_a_property_matches_at_most_one_of_equal_and_unequal(value):
    message = json.dumps({"a": value})
    equal, unequal = (compile_pattern(f"{{ $.a {operator} 1 }}").matches(message) for operator in ("=", "!="))
    is_value_node = isinstance(value, (str, int, float))
    assert (equal or unequal) is is_value_node
    assert not (equal and unequal)


def test_a_pattern_of_parentheses_within_each_other_is_refused():
    with pytest.raises(ServiceError, match="parentheses"):
        compile_pattern("{ " + "(" * 480 + "$.a = 1" + ")" * 480 + " }")
