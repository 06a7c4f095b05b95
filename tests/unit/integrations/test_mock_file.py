import json

import pytest

from stepstack.errors import SettingsError
from stepstack.integrations.mock_file import MockFile
from stepstack.integrations.mocks import Mocks

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:price"
CONTENTS = {
    "StateMachines": {"orders": {"TestCases": {"Declined": {"Work": "Charge"}, "Empty": {}}}},
    "MockedResponses": {
        "Charge": {
            "0": {"Return": {"StatusCode": 200, "Payload": {"n": 0}}},
            "1-2": {"Throw": {"Error": "CardDeclined", "Cause": "No."}},
            "3": {"Throw": {"Error": "Bare"}},
        }
    },
}


@pytest.fixture
def written(tmp_path):
    """Writes a mock file: JSON of a value, or text as it is. Its path."""

    def write(contents):
        path = tmp_path / "mocks.json"
        path.write_text(contents if isinstance(contents, str) else json.dumps(contents), encoding="utf-8")
        return path

    return write


@pytest.fixture
def answers(answers):
    """What a mock file, or the one at a path, answers to calls."""
    return lambda file, *calls: answers(Mocks(file if isinstance(file, MockFile) else MockFile(file)), *calls)


def test_answers_go_by_the_number_of_the_states_invocation(answers, written, task_call):
    call = task_call("lambda:invoke", test_case="Declined")
    given = answers(written(CONTENTS), call, call, call, call)
    assert given == [{"StatusCode": 200, "Payload": {"n": 0}}, ("CardDeclined", "No."), ("CardDeclined", "No."), ("Bare", None)]


def test_an_invocation_without_an_answer_fails_the_execution(answers, written, task_call):
    call = task_call("lambda:invoke", test_case="Declined")
    name, cause = answers(written(CONTENTS), *[call] * 5)[4]
    assert name == "States.Runtime"
    assert "has no answer for invocation 4 of the state 'Work' in the mocked response 'Charge'" in cause


def test_invocations_are_counted_for_each_execution_that_somebody_started(answers, written, task_call):
    file = MockFile(written(CONTENTS))
    first, other = (task_call(FUNCTION, test_case="Declined", root_execution_arn=arn) for arn in ("e1", "e2"))
    child = task_call(FUNCTION, test_case="Declined", execution_arn="child", root_execution_arn="e2")
    assert answers(file, first, other, child) == [{"n": 0}, {"n": 0}, ("CardDeclined", "No.")]


def test_a_function_named_by_its_arn_returns_the_payload(answers, written, task_call):
    assert answers(written(CONTENTS), task_call(FUNCTION, test_case="Declined")) == [{"n": 0}]


@pytest.mark.parametrize(
    "changes",
    [{"test_case": None}, {"test_case": ""}, {"test_case": "Declined", "state_name": "Other"}, {"test_case": "Empty"}],
    ids=["no case", "a bare #", "a state that the case does not name", "a case without states"],
)
def test_other_calls_are_made(written, task_call, changes):
    assert not Mocks(MockFile(written(CONTENTS))).is_mocked(task_call("lambda:invoke", **changes))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"test_case": "Unknown"}, "has no test case 'Unknown' for 'orders'; it has 'Declined', 'Empty'"),
        (
            {"test_case": "Declined", "state_machine_arn": "arn:aws:states:us-east-1:123456789012:stateMachine:carts"},
            "has no state machine 'carts'; it has 'orders'",
        ),
    ],
    ids=["case", "state machine"],
)
def test_a_case_that_is_not_there_fails_every_task_and_names_what_there_is(answers, written, task_call, changes, words):
    path = written(CONTENTS)
    [(name, cause)] = answers(path, task_call("lambda:invoke", **changes))
    assert (name, cause) == ("States.Runtime", f"The mock file {path} (SFN_MOCK_CONFIG) {words}")


def test_versions_and_map_runs_are_of_their_state_machine(answers, written, task_call):
    arn = "arn:aws:states:us-east-1:123456789012:stateMachine:orders/Label:3"
    assert answers(written(CONTENTS), task_call(FUNCTION, test_case="Declined", state_machine_arn=arn)) == [{"n": 0}]


def test_the_file_is_read_again_when_it_has_changed(answers, written, task_call):
    file = MockFile(written(CONTENTS))
    call = task_call(FUNCTION, test_case="Declined")
    assert answers(file, call) == [{"n": 0}]
    written({**CONTENTS, "MockedResponses": {"Charge": {"0-9": {"Return": "changed"}}}})
    assert answers(file, call) == ["changed"]


def test_a_file_that_is_broken_or_gone_later_fails_the_task_until_it_is_mended(answers, written, task_call):
    path = written(CONTENTS)
    file = MockFile(path)
    call = task_call(FUNCTION, test_case="Declined")
    written("{")
    [(name, cause)] = answers(file, call)
    assert (name, "line 1, column 2" in cause) == ("States.Runtime", True)
    path.unlink()
    [(_, cause)] = answers(file, call)
    assert "cannot be read: No such file or directory" in cause
    written(CONTENTS)
    assert answers(file, call) == [{"n": 0}]


def mistaken(**changes):
    return {**CONTENTS, **changes}


def responses(**entries):
    return mistaken(StateMachines={}, MockedResponses={"R": entries})


@pytest.mark.parametrize(
    ("contents", "words"),
    [
        pytest.param("{]", "line 1, column 2", id="no JSON"),
        pytest.param('{"StateMachines": {}, "StateMachines": {}}', "'StateMachines' stands twice", id="a field twice"),
        pytest.param("[" * 100_000, "nested too deeply", id="deep"),
        pytest.param("[]", "the file: an object is needed", id="an array"),
        pytest.param(mistaken(Mocks={}), "Mocks: only StateMachines and MockedResponses belong here", id="an unknown field"),
        pytest.param(mistaken(StateMachines=[]), "StateMachines: an object is needed", id="state machines that are none"),
        pytest.param(mistaken(StateMachines={"a": {}}), "StateMachines.a: the field TestCases is missing", id="no cases"),
        pytest.param(
            mistaken(StateMachines={"a": {"TestCases": {"c": {"S": "Missing"}}}}),
            "StateMachines.a.TestCases.c.S: there is no mocked response 'Missing'",
            id="a response that is not there",
        ),
        pytest.param(
            mistaken(StateMachines={"a": {"TestCases": {"c": {"S": {}}}}}),
            "StateMachines.a.TestCases.c.S: the name of a mocked response is needed",
            id="a response that is no name",
        ),
        pytest.param(responses(x={"Return": 1}), "MockedResponses.R.x: a number such as 0 or a range such as 1-2", id="no number"),
        pytest.param(responses(**{"2-1": {"Return": 1}}), "MockedResponses.R.2-1: the range ends before it begins", id="a range backwards"),
        pytest.param(
            responses(**{"0-2": {"Return": 1}, "2": {"Return": 1}}), "MockedResponses.R.2: it overlaps another entry", id="an overlap"
        ),
        pytest.param(responses(**{"0": {}}), "MockedResponses.R.0: exactly one of Return and Throw", id="neither"),
        pytest.param(responses(**{"0": {"Return": 1, "Throw": {}}}), "MockedResponses.R.0: exactly one of Return and Throw", id="both"),
        pytest.param(responses(**{"0": {"Throw": {}}}), "MockedResponses.R.0.Throw: the field Error is needed", id="no error"),
        pytest.param(
            responses(**{"0": {"Throw": {"Error": "E", "Cause": 1}}}), "MockedResponses.R.0.Throw.Cause", id="a cause that is no text"
        ),
        pytest.param(responses(**{"0": 5}), "MockedResponses.R.0: an object is needed", id="an outcome that is none"),
    ],
)
def test_a_mistake_is_told_with_its_place_when_the_file_is_first_read(written, contents, words):
    with pytest.raises(SettingsError) as error:
        MockFile(written(contents))
    assert words in str(error.value)
    assert "SFN_MOCK_CONFIG" in str(error.value)


def test_all_mistakes_are_told_at_once(written):
    with pytest.raises(SettingsError) as error:
        MockFile(written(responses(**{"x": {"Return": 1}, "1": {}})))
    assert str(error.value).count("MockedResponses.R") == 2


def test_a_missing_file_is_an_error_at_once(tmp_path):
    with pytest.raises(SettingsError, match="cannot be read: No such file or directory"):
        MockFile(tmp_path / "missing.json")


def test_the_problem_of_a_case_can_be_asked_before_it_is_run(written):
    file = MockFile(written(CONTENTS))
    assert file.problem("orders", "Declined") is None
    assert "no test case 'x'" in file.problem("orders", "x")
