"""What optimized integrations tell of a service's answer."""

from __future__ import annotations

from stepstack.integrations.sdk_metadata import sdk_metadata
from stepstack.integrations.service_call import Reply


def test_all_headers_come_as_a_hash_map_has_them_and_the_single_ones_by_name():
    headers = {"Date": "today", "connection": "keep-alive", "Content-Type": "text/xml", "x-amzn-RequestId": "7", "Content-Length": "5"}
    http = sdk_metadata("sns", Reply({}, 200, tuple(headers.items()), True), "unused")["SdkHttpMetadata"]
    assert list(http["AllHttpHeaders"]) == ["x-amzn-RequestId", "connection", "Content-Length", "Date", "Content-Type"]
    assert list(http["HttpHeaders"]) == ["connection", "Content-Length", "Content-Type", "Date", "x-amzn-RequestId"]
    assert http["AllHttpHeaders"]["Date"] == ["today"]


def test_the_id_of_aws_own_answer_is_told():
    assert sdk_metadata("sns", Reply({}, 200, (("x-amzn-RequestId", "7"),), True), "unused")["SdkResponseMetadata"] == {"RequestId": "7"}


def test_an_answer_of_another_endpoint_has_the_headers_that_the_service_sends():
    metadata = sdk_metadata("sqs", Reply({"MessageId": "m"}, 200, (("server", "moto"),), False), "our-id")
    assert "server" not in metadata["SdkHttpMetadata"]["AllHttpHeaders"]
    assert metadata["SdkHttpMetadata"]["HttpHeaders"]["Content-Length"] == str(len('{"MessageId":"m"}'))
    assert metadata["SdkResponseMetadata"] == {"RequestId": "our-id"}
