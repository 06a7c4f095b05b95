"""The engine's clock, steered by a test."""

from __future__ import annotations

from datetime import timedelta

import pytest

from stepstack.errors import StackError
from stepstack.testing import EngineClock

WAIT = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 600, "End": True}}}
CALLBACK = {
    "StartAt": "Ask",
    "States": {
        "Ask": {
            "Type": "Task",
            "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
            "Parameters": {"QueueUrl.$": "$.url", "MessageBody.$": "$$.Task.Token"},
            "TimeoutSeconds": 3600,
            "End": True,
        }
    },
}


def test_a_frozen_wait_ends_when_time_is_advanced(state_machine, clock):
    clock.freeze()
    execution = state_machine(WAIT).start()
    execution.wait_for_event("WaitStateEntered")

    clock.advance(599)
    assert execution.status == "RUNNING"
    clock.advance(timedelta(seconds=1))

    result = execution.wait().succeeded()
    assert result.stopped_at - result.started_at == timedelta(seconds=600)


def test_time_stands_still_while_it_is_frozen(clock):
    with clock.frozen():
        before = clock.now()
        clock.advance(60)
        assert clock.now() - before == timedelta(seconds=60)
        assert clock.is_frozen

    assert not clock.is_frozen


def test_a_skipped_wait_does_not_let_a_callback_time_out_and_advancing_does(state_machine, stepstack, unique_name, clock):
    sqs = stepstack.client("sqs")
    url = sqs.create_queue(QueueName=unique_name("asked"))["QueueUrl"]
    asked = state_machine(CALLBACK).start({"url": url})
    asked.wait_for_event("TaskSubmitted")

    state_machine({"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 36000, "End": True}}}).run().succeeded()
    assert asked.status == "RUNNING"
    clock.advance(3601)

    asked.wait().failed("States.Timeout")
    sqs.delete_queue(QueueUrl=url)


def test_what_was_frozen_before_stays_frozen(clock):
    with clock.frozen():
        with clock.frozen():
            pass
        assert clock.is_frozen
    assert not clock.is_frozen


def test_time_cannot_go_back(clock):
    with pytest.raises(ValueError, match="time cannot go back by 5 s"):
        clock.advance(-5)


@pytest.mark.stepstack(time="real")
def test_real_time_cannot_be_steered(stepstack):
    clock = EngineClock(stepstack)

    for steer in (clock.freeze, lambda: clock.advance(1)):
        with pytest.raises(StackError, match="time is real here"):
            steer()
