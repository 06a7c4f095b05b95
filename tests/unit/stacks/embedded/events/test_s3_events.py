import asyncio
import json

BRIDGED = (
    b'<NotificationConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><EventBridgeConfiguration/></NotificationConfiguration>'
)
NOTHING = b'<NotificationConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"/>'
VERSIONED = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:machine"


async def bridged_bucket(world, pattern):
    await world.send("s3", "PUT", "/bucket")
    await world.send("s3", "PUT", "/bucket?notification", body=BRIDGED)
    await world.call("events", "PutRule", {"Name": "r", "EventPattern": json.dumps({"source": ["aws.s3"], **pattern})})
    await world.call("events", "PutTargets", {"Rule": "r", "Targets": [{"Id": "m", "Arn": MACHINE}]})


def test_an_object_s_creation_reaches_a_rule_s_state_machine(world):
    async def scenario():
        await bridged_bucket(world, {"detail-type": ["Object Created"], "detail": {"object": {"key": [{"prefix": "in/"}]}}})
        headers, _ = await world.send("s3", "PUT", "/bucket/in/my%20cat.png", body=b"12345")
        await world.send("s3", "PUT", "/bucket/out/cat.png", body=b"1")
        await world.rest()
        return {name.lower(): value for name, value in headers.items()}["etag"].strip('"')

    etag = asyncio.run(scenario())
    ((arn, event),) = world.started
    assert (arn, event["source"], event["detail-type"], event["resources"]) == (
        MACHINE,
        "aws.s3",
        "Object Created",
        ["arn:aws:s3:::bucket"],
    )
    detail = event["detail"]
    assert (detail["bucket"], detail["reason"], detail["requester"]) == ({"name": "bucket"}, "PutObject", "123456789012")
    assert {**detail["object"], "sequencer": ""} == {"key": "in/my cat.png", "size": 5, "etag": etag, "sequencer": ""}


def test_what_was_copied_hidden_and_deleted_is_told_apart(world):
    async def scenario():
        await bridged_bucket(world, {})
        await world.send("s3", "PUT", "/bucket?versioning", body=VERSIONED)
        await world.send("s3", "PUT", "/bucket/a", body=b"1")
        headers, _ = await world.send("s3", "PUT", "/bucket/b", headers={"x-amz-copy-source": "/bucket/a"})
        version = {name.lower(): value for name, value in headers.items()}["x-amz-version-id"]
        for path in ("/bucket/b", f"/bucket/b?versionId={version}"):
            await world.send("s3", "DELETE", path)
        await world.rest()

    asyncio.run(scenario())
    told = [(event["detail"]["reason"], event["detail"].get("deletion-type")) for _, event in world.started]
    assert told == [
        ("PutObject", None),
        ("CopyObject", None),
        ("DeleteObject", "Delete Marker Created"),
        ("DeleteObject", "Permanently Deleted"),
    ]


def test_a_bucket_says_whether_it_tells_eventbridge_and_can_be_told_to_stop(world):
    async def scenario():
        await bridged_bucket(world, {})
        shown = (await world.send("s3", "GET", "/bucket?notification"))[1]
        await world.send("s3", "PUT", "/bucket?notification", body=NOTHING)
        await world.send("s3", "PUT", "/bucket/a", body=b"1")
        await world.rest()
        return shown, (await world.send("s3", "GET", "/bucket?notification"))[1]

    before, after = asyncio.run(scenario())
    assert (b"EventBridgeConfiguration" in before, b"EventBridgeConfiguration" in after, world.started) == (True, False, [])
