"""State machines that are one Map, and what stands around them: a task, a registry of Map Runs, a bucket."""

from __future__ import annotations

import asyncio

from stepstack.interpreter.ports import TaskFailed

INVOKE = "arn:aws:states:::lambda:invoke"
PASS = {"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}}


def work(**fields):
    return {"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": INVOKE, "End": True, **fields}}}


def mapping(processor, mode="INLINE", **fields):
    config = {"Mode": mode, **({"ExecutionType": "STANDARD"} if mode == "DISTRIBUTED" else {})}
    state = {"Type": "Map", "End": True, "ItemProcessor": {"ProcessorConfig": config, **processor}, **fields}
    return {"StartAt": "M", "States": {"M": state}}


class Gauge:
    """A task that counts how many calls are under way at once."""

    def __init__(self):
        self.running = 0
        self.most = 0

    async def __call__(self, parameters):
        self.running += 1
        self.most = max(self.most, self.running)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        self.running -= 1
        return parameters


class Registry:
    """A MapRunRegistry that keeps what it is told."""

    def __init__(self):
        self.runs = []
        self.children = []

    def opened(self, map_run):
        self.runs.append(map_run)

    def child_started(self, map_run, execution, item_count):
        assert map_run in self.runs
        assert item_count > 0
        self.children.append(execution)


class S3:
    """Objects for ItemReaders, and what ResultWriters put; a page of a listing has two objects."""

    def __init__(self, objects=None):
        self.objects = dict(objects or {})

    def __call__(self, call):
        parameters = call.parameters
        if call.resource.action == "getObject":
            if parameters["Key"] not in self.objects:
                raise TaskFailed("S3.NoSuchKeyException", "The specified key does not exist.")
            return {"Body": self.objects[parameters["Key"]]}
        if call.resource.action == "putObject":
            self.objects[parameters["Key"]] = parameters["Body"]
            return {}
        start = int(parameters.get("ContinuationToken", 0))
        names = sorted(self.objects)
        page = {"Contents": [{"ETag": '"e"', "Key": name, "Size": len(self.objects[name])} for name in names[start : start + 2]]}
        return {**page, "NextContinuationToken": str(start + 2)} if start + 2 < len(names) else page


def reading(action="getObject", config=None, **fields):
    reader = {"Resource": f"arn:aws:states:::s3:{action}", "Parameters": {"Bucket": "b"}}
    if action == "getObject":
        reader["Parameters"]["Key"] = "k"
    if config is not None:
        reader["ReaderConfig"] = config
    return mapping(PASS, "DISTRIBUTED", ItemReader=reader, **fields)
