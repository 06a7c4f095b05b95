"""Who may drive the server."""

from __future__ import annotations

import pytest

from stepstack.api.guard import Guard


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1:8083",
        "localhost",
        "sync-localhost:8083",
        "bucket.s3.localhost:8000",
        "[::1]:8083",
        "172.17.0.2",
        "stepfunctions-local:8083",
        "host.docker.internal:8083",
        "states.us-east-1.amazonaws.com",
        None,
    ],
)
def test_local_names_and_addresses_are_welcome(host):
    assert Guard().refusal(host, None) is None


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8083", "127.0.0.1.evil.example", "localhost.evil.example", "1.2.3"])
def test_a_name_that_an_attacker_can_own_is_refused(host):
    assert "--allow-host" in Guard().refusal(host, None)


def test_a_name_of_the_settings_is_welcome():
    assert Guard(["ci.example.org"]).refusal("CI.example.org:8083", None) is None


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:3000", "http://[", "file://127.0.0.1:8083"])
def test_a_page_of_another_origin_is_refused(origin):
    assert "web page" in Guard().refusal("127.0.0.1:8083", origin)


def test_a_page_of_this_server_is_welcome():
    assert Guard().refusal("127.0.0.1:8083", "http://127.0.0.1:8083") is None


def test_a_request_that_a_page_of_another_site_makes_without_an_origin_is_refused():
    assert "web page" in Guard().refusal("127.0.0.1:8083", None, "cross-site")


def test_a_page_cannot_reset_the_server(browser):
    browser.call("CreateActivity", {"name": "act"})
    answer = browser.request("POST", "/_stepstack/reset", {"origin": "https://evil.example"})
    assert answer.status == 403
    assert len(browser.call("ListActivities").value["activities"]) == 1
