"""Given endpoints."""

from __future__ import annotations

import pytest

from stepstack.errors import SettingsError, StackError
from stepstack.stacks.endpoints import parse_endpoints, require_ready, usual_endpoint


def test_words_become_urls_by_service():
    words = ["dynamodb=http://localhost:8000/", "stepfunctions = https://sfn.test:8083"]

    assert parse_endpoints(words) == {"dynamodb": "http://localhost:8000", "stepfunctions": "https://sfn.test:8083"}


@pytest.mark.parametrize(
    "word",
    [
        "dynamodb",
        "=http://localhost",
        "DynamoDB=http://localhost",
        "dynamodb=localhost:8000",
        "dynamodb=ftp://localhost",
        "s3=http://h/path",
    ],
)
def test_a_malformed_word_is_refused_with_itself_in_the_message(word):
    with pytest.raises(SettingsError) as refusal:
        parse_endpoints([word])

    assert (word.partition("=")[2] or word) in str(refusal.value)


def test_a_service_named_twice_is_refused():
    with pytest.raises(SettingsError, match="given twice"):
        parse_endpoints(["s3=http://a:1", "s3=http://a:2"])


@pytest.mark.parametrize(
    ("name", "environment", "port"),
    [
        ("stepfunctions", {}, 8083),
        ("stepfunctions", {"STEPFUNCTIONS_PORT": "9083"}, 9083),
        ("stepstack", {"STEPFUNCTIONS_PORT": "9083"}, 9083),
        ("stepstack", {"STEPFUNCTIONS_PORT": "9083", "STEPSTACK_PORT": "9084"}, 9084),
        ("dynamodb", {"DYNAMODB_PORT": ""}, 8000),
        ("dynalite", {"DYNAMODB_PORT": "1"}, 4567),
    ],
)
def test_the_usual_port_follows_the_compose_files_variables(name, environment, port):
    assert usual_endpoint(name, environment) == f"http://127.0.0.1:{port}"


def test_every_missing_service_is_named(unused_url):
    with pytest.raises(StackError) as refusal:
        require_ready({"dynamodb": unused_url, "stepfunctions": unused_url})

    assert "dynamodb does not answer at" in str(refusal.value)
    assert "stepfunctions does not answer at" in str(refusal.value)


def test_a_service_without_a_known_probe_is_taken_on_trust(unused_url):
    require_ready({"s3": unused_url})
