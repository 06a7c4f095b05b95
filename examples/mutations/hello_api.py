"""Mutations of hello-api."""

from __future__ import annotations

from mutation import mutation

APP = "src/app.py"

GREETED = "test_app::test_an_id_with_a_name_is_greeted_by_it"
KEPT = "test_app::test_a_hello_is_kept_with_the_time_at_which_it_was_said"
UNKNOWN = "test_app::test_an_id_without_a_name_is_answered_404_and_that_is_kept_too"
NO_NAME = "test_app::test_what_was_said_to_an_id_is_no_name"

OVER_HTTP_GREETED = "test_api_gateway::test_an_id_with_a_name_is_greeted_by_it"
OVER_HTTP_KEPT = "test_api_gateway::test_every_hello_is_kept"
OVER_HTTP_UNKNOWN = "test_api_gateway::test_an_id_without_a_name_is_answered_404_and_that_is_kept_too"
OVER_HTTP_APART = "test_api_gateway::test_what_is_said_to_one_id_is_not_kept_under_another"

GREETINGS = (
    f"{GREETED}[ascii]",
    f"{GREETED}[umlaut]",
    f"{OVER_HTTP_GREETED}[ascii]",
    f"{OVER_HTTP_GREETED}[umlaut]",
    f"{OVER_HTTP_GREETED}[id with a space]",
)
HISTORIES = (KEPT, UNKNOWN, OVER_HTTP_KEPT, OVER_HTTP_UNKNOWN)

GET_NAME = 'table.get_item(Key={"PK": identifier, "SK": NAME}).get("Item")'
GET_ANY = 'next(iter(table.query(KeyConditionExpression="PK = :id", ExpressionAttributeValues={":id": identifier})["Items"]), None)'

MUTATIONS = [
    mutation("another greeting", APP, "Hello {name}!", "Hello, {name}!", *GREETINGS, KEPT, OVER_HTTP_KEPT),
    mutation("another status for a greeting", APP, "(200, f", "(201, f", *GREETINGS),
    mutation(
        "letters other than ASCII lost",
        APP,
        '"body": message}',
        '"body": message.encode("ascii", "replace").decode()}',
        GREETINGS[1],
        GREETINGS[3],
    ),
    mutation("id with a space not understood", APP, '["pathParameters"]["id"]', '["pathParameters"]["id"].replace(" ", "+")', GREETINGS[4]),
    mutation("an unknown id answered 200", APP, "(404, f", "(200, f", UNKNOWN, NO_NAME, OVER_HTTP_UNKNOWN),
    mutation("another message for an unknown id", APP, "NOTFOUND: Name", "Name", UNKNOWN, OVER_HTTP_UNKNOWN),
    mutation("nothing kept", APP, "    keep(table, identifier, message)\n", "", *HISTORIES),
    mutation("something else kept", APP, '"data": message}', '"data": message.upper()}', *HISTORIES),
    mutation("kept under another sort key", APP, 'HISTORY = "TS#"', 'HISTORY = "DT#"', *HISTORIES),
    mutation("kept without the time", APP, 'f"{HISTORY}{said}"', "HISTORY", KEPT, OVER_HTTP_KEPT),
    mutation("kept with the local time", APP, "datetime.now(timezone.utc)", "datetime.now()", KEPT),
    mutation("kept with another time", APP, "datetime.now(timezone.utc)", "datetime.fromtimestamp(0, timezone.utc)", KEPT, OVER_HTTP_KEPT),
    mutation(
        "an unknown id's message not kept",
        APP,
        "    keep(table, identifier, message)\n",
        "    if name is not None:\n        keep(table, identifier, message)\n",
        UNKNOWN,
        OVER_HTTP_UNKNOWN,
    ),
    mutation(
        "kept under another id",
        APP,
        "    keep(table, identifier, message)\n",
        '    keep(table, identifier.replace("ann", "zoe"), message)\n',
        OVER_HTTP_KEPT,
        OVER_HTTP_APART,
    ),
    mutation("any item taken for a name", APP, GET_NAME, GET_ANY, NO_NAME),
]
