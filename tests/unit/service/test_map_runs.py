import json

import pytest


@pytest.mark.parametrize("is_restarted", [False, True], ids=["the same process", "after a restart"])
def test_a_map_run_s_children_are_listed_with_the_number_of_their_items(make_journaled, reopen, is_restarted):
    config = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
    processor = {"ProcessorConfig": config, "StartAt": "Do", "States": {"Do": {"Type": "Pass", "End": True}}}
    each = {"Type": "Map", "Label": "Each", "ItemProcessor": processor, "ItemBatcher": {"MaxItemsPerBatch": 2}, "End": True}
    call = make_journaled(scale=0)
    machine = call.machine(definition=json.dumps({"StartAt": "Map", "States": {"Map": each}}))
    arn = call.execution(machine["stateMachineArn"], input="[1, 2, 3]")["executionArn"]
    if is_restarted:
        call = reopen(call, scale=0)
    [run] = call("ListMapRuns", executionArn=arn)["mapRuns"]

    children = call("ListExecutions", mapRunArn=run["mapRunArn"])["executions"]
    assert [child["itemCount"] for child in children] == [1, 2]
    assert {child["mapRunArn"] for child in children} == {run["mapRunArn"]}

    # By their state machine, they are listed as any execution.
    children = call("ListExecutions", stateMachineArn=run["stateMachineArn"])["executions"]
    assert len(children) == 2
    assert not any(child.keys() & {"itemCount", "mapRunArn"} for child in children)
