"""What an application does, through boto3, against any endpoint: a table, state machines, executions seen finished.

`service.py` measures stepstack with it, `comparison.py` every server, so that all are asked for the very same. A client that waits for an
execution asks again after a millisecond. Executions are named by the client, because moto's are not otherwise told apart.
"""

from __future__ import annotations

import itertools
import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from boto3.session import Session
from botocore.config import Config

__all__ = ["CRUD_DEFINITION", "THREE_STATES", "Workload"]

CRUD_DEFINITION = (Path(__file__).parent.parent / "state-machine.json").read_text(encoding="utf-8")
THREE_STATES = json.dumps(
    {
        "StartAt": "Greet",
        "States": {
            "Greet": {"Type": "Pass", "Result": "hello", "ResultPath": "$.greeting", "Next": "Decide"},
            "Decide": {
                "Type": "Choice",
                "Choices": [{"Variable": "$.greeting", "StringEquals": "hello", "Next": "Done"}],
                "Default": "Done",
            },
            "Done": {"Type": "Succeed"},
        },
    }
)
ROLE = "arn:aws:iam::123456789012:role/benchmark"
DEADLINE_SECONDS = 60.0
POLL_SECONDS = 0.001


class Workload:
    """One endpoint and what the benchmark has made there."""

    def __init__(self, endpoint: str, *, connections: int = 1) -> None:
        session = Session(aws_access_key_id="test", aws_secret_access_key="test", region_name="us-east-1")  # noqa: S106 - no account's
        config = Config(retries={"total_max_attempts": 1}, max_pool_connections=connections, read_timeout=DEADLINE_SECONDS)
        self.stepfunctions: Any = session.client("stepfunctions", endpoint_url=endpoint, config=config)
        self.dynamodb: Any = session.client("dynamodb", endpoint_url=endpoint, config=config)
        self.numbers = itertools.count()
        self.table = "benchmark"

    def create_table(self) -> None:
        self.dynamodb.create_table(
            TableName=self.table,
            AttributeDefinitions=[{"AttributeName": "Id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "Id", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
        self.dynamodb.get_waiter("table_exists").wait(TableName=self.table, WaiterConfig={"Delay": 1, "MaxAttempts": 30})

    def put_item(self) -> None:
        """The floor of a Create execution: what its one task does."""
        self.dynamodb.put_item(TableName=self.table, Item={"Id": {"S": str(next(self.numbers))}, "Name": {"S": "Robin"}})

    def list_state_machines(self) -> None:
        """The floor of a call."""
        self.stepfunctions.list_state_machines(maxResults=1)

    def create_state_machine(self, definition: str = CRUD_DEFINITION) -> str:
        """A new state machine's ARN."""
        created = self.stepfunctions.create_state_machine(name=f"machine-{next(self.numbers)}", definition=definition, roleArn=ROLE)
        return str(created["stateMachineArn"])

    def run(self, machine: str, value: Any) -> None:
        """Starts an execution and asks until it is seen to have succeeded."""
        started = self.stepfunctions.start_execution(stateMachineArn=machine, name=f"run-{next(self.numbers)}", input=json.dumps(value))
        deadline = time.monotonic() + DEADLINE_SECONDS
        while True:
            execution = self.stepfunctions.describe_execution(executionArn=started["executionArn"])
            if execution["status"] != "RUNNING":
                break
            assert time.monotonic() < deadline, "an execution has not ended"
            time.sleep(POLL_SECONDS)  # noqa: TID251 - not stepstack's time
        assert execution["status"] == "SUCCEEDED", execution

    def run_create(self, machine: str) -> None:
        """A Create execution of the CRUD state machine."""
        self.run(machine, {"Operation": "Create", "TableName": self.table, "ItemId": str(next(self.numbers)), "ItemName": "Robin"})

    def executions_per_second(self, machine: str, *, clients: int, seconds: float) -> float:
        """How many executions `clients` threads see finished, each starting its next one then."""
        begin = time.perf_counter()

        def run_until_the_end(_: int) -> int:
            done = 0
            while time.perf_counter() < begin + seconds:
                self.run(machine, {"order": 1})
                done += 1
            return done

        with ThreadPoolExecutor(clients) as threads:
            done = sum(threads.map(run_until_the_end, range(clients)))
        return done / (time.perf_counter() - begin)
