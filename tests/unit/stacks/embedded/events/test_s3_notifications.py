import asyncio

import pytest

NOTIFICATION = """<NotificationConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><CloudFunctionConfiguration><Id>pictures</Id>
<CloudFunction>{arn}</CloudFunction><Event>s3:ObjectCreated:*</Event><Filter><S3Key><FilterRule><Name>prefix</Name><Value>in/</Value></FilterRule>
<FilterRule><Name>suffix</Name><Value>.png</Value></FilterRule></S3Key></Filter></CloudFunctionConfiguration></NotificationConfiguration>"""


def test_an_object_notifies_the_function_that_wants_it(world):
    async def scenario():
        await world.send("s3", "PUT", "/bucket")
        await world.send("s3", "PUT", "/bucket?notification", body=NOTIFICATION.format(arn=world.arn).encode())
        await world.send("s3", "PUT", "/bucket/in/my%20cat.png", body=b"12345")
        await world.send("s3", "PUT", "/bucket/in/cat.jpg", body=b"1")
        await world.send("s3", "PUT", "/bucket/out/cat.png", body=b"1")
        await world.send("s3", "DELETE", "/bucket/in/my%20cat.png")
        assert world.at_work
        await world.rest()
        return (await world.send("s3", "GET", "/bucket?notification"))[1].decode()

    shown = asyncio.run(scenario())
    (record,) = world.records()
    assert (record["eventName"], record["s3"]["bucket"]["name"], record["s3"]["configurationId"]) == (
        "ObjectCreated:Put",
        "bucket",
        "pictures",
    )
    assert (record["s3"]["object"]["key"], record["s3"]["object"]["size"]) == ("in/my+cat.png", 5)
    assert world.arn in shown


def test_an_object_that_is_hidden_is_told_from_a_version_that_is_deleted(world):
    configuration = NOTIFICATION.replace("s3:ObjectCreated:*", "s3:ObjectRemoved:*")
    enabled = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"

    async def scenario():
        await world.send("s3", "PUT", "/bucket")
        await world.send("s3", "PUT", "/bucket?versioning", body=enabled)
        await world.send("s3", "PUT", "/bucket?notification", body=configuration.format(arn=world.arn).encode())
        headers, _ = await world.send("s3", "PUT", "/bucket/in/a.png", body=b"1")
        version = {name.lower(): value for name, value in headers.items()}["x-amz-version-id"]
        for query in ("", f"?versionId={version}"):
            await world.send("s3", "DELETE", f"/bucket/in/a.png{query}")
            await world.rest()

    asyncio.run(scenario())
    assert [record["eventName"] for record in world.records()] == ["ObjectRemoved:DeleteMarkerCreated", "ObjectRemoved:Delete"]


def test_a_bucket_that_is_made_again_notifies_nobody(world):
    async def scenario():
        await world.send("s3", "PUT", "/bucket")
        await world.send("s3", "PUT", "/bucket?notification", body=NOTIFICATION.format(arn=world.arn).encode())
        await world.send("s3", "DELETE", "/bucket?x-id=DeleteBucket")
        await world.send("s3", "PUT", "/bucket")
        await world.send("s3", "PUT", "/bucket/in/cat.png", body=b"1")
        await world.rest()

    asyncio.run(scenario())
    assert world.events == []


def test_a_bucket_that_loses_its_tags_goes_on_notifying(world):
    async def scenario():
        await world.send("s3", "PUT", "/bucket")
        await world.send("s3", "PUT", "/bucket?notification", body=NOTIFICATION.format(arn=world.arn).encode())
        await world.send("s3", "DELETE", "/bucket?tagging")
        await world.send("s3", "PUT", "/bucket/in/cat.png", body=b"1")
        await world.rest()

    asyncio.run(scenario())
    assert len(world.events) == 1


def test_objects_listed_below_a_prefix_named_notification_are_a_list(world):
    async def scenario():
        await world.send("s3", "PUT", "/bucket")
        await world.send("s3", "PUT", "/bucket?notification", body=NOTIFICATION.format(arn=world.arn).encode())
        return (await world.send("s3", "GET", "/bucket?list-type=2&prefix=notification"))[1].decode()

    assert "CloudFunction" not in asyncio.run(scenario())


@pytest.mark.parametrize(
    "change",
    [("<CloudFunction>{arn}</CloudFunction>", ""), ("<Value>in/</Value>", "")],
    ids=["no function", "no value"],
)
def test_a_configuration_that_lacks_something_is_malformed(world, change):
    async def scenario():
        await world.send("s3", "PUT", "/bucket")
        body = NOTIFICATION.replace(*change).replace("{arn}", world.arn).encode()
        return await world.services.transport("PUT", "http://anywhere/bucket?notification", {}, body, service="s3")

    status, _, content = asyncio.run(scenario())
    assert status == 400
    assert b"MalformedXML" in content


def test_a_copy_and_a_removal_are_told_apart(world):
    configuration = NOTIFICATION.replace("s3:ObjectCreated:*", "s3:ObjectCreated:Copy</Event><Event>s3:ObjectRemoved:*")

    async def scenario():
        await world.send("s3", "PUT", "/bucket")
        await world.send("s3", "PUT", "/bucket?notification", body=configuration.format(arn=world.arn).encode())
        await world.send("s3", "PUT", "/bucket/in/a.png", body=b"1")
        await world.send("s3", "PUT", "/bucket/in/b.png", headers={"x-amz-copy-source": "/bucket/in/a.png"})
        await world.send("s3", "DELETE", "/bucket/in/a.png")
        await world.rest()

    asyncio.run(scenario())
    # Two asynchronous invocations run side by side.
    assert {(record["eventName"], record["s3"]["object"]["key"], record["s3"]["object"].get("size")) for record in world.records()} == {
        ("ObjectCreated:Copy", "in/b.png", 1),
        ("ObjectRemoved:Delete", "in/a.png", None),
    }
