"""The fixture `application`, in real runs of pytest."""

from __future__ import annotations

import json

import pytest

from stepstack.errors import SettingsError
from stepstack.pytest_plugin.application import DeployedApplication, found_application
from stepstack.testing import Stack

TEMPLATE = {
    "Parameters": {"Stage": {"Type": "String", "Default": "dev"}},
    "Resources": {"Table": {"Type": "AWS::DynamoDB::Table", "Properties": {
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "PK", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "PK", "KeyType": "HASH"}],
    }}},
    "Outputs": {"Table": {"Value": {"Ref": "Table"}}, "Stage": {"Value": {"Ref": "Stage"}}},
}  # fmt: skip


@pytest.fixture
def run(pytester, run_pytest):
    """Runs a test module beside the template."""
    (pytester.path / "template.json").write_text(json.dumps(TEMPLATE))

    def start(code, *words):
        pytester.makepyfile(test_suite=code)
        return run_pytest(*words)

    return start


def test_a_template_is_deployed_for_a_test_and_deleted_after_it(run):
    result = run("""
        def test_deployed(application, dynamodb):
            made = application("template.json", parameters={"Stage": "test"})
            assert made.outputs["Stage"] == "test"
            assert dynamodb.list_tables()["TableNames"] == [made.outputs["Table"]] == [made.physical_ids["Table"]]

        def test_deleted(dynamodb):
            assert dynamodb.list_tables()["TableNames"] == []
    """)

    result.assert_outcomes(passed=2)


def test_a_template_may_be_deployed_twice_for_one_test(run):
    result = run("""
        def test_twice(application, dynamodb):
            one, other = application("template.json"), application("template.json")
            assert one.name != other.name
            assert sorted(dynamodb.list_tables()["TableNames"]) == sorted([one.outputs["Table"], other.outputs["Table"]])
    """)

    result.assert_outcomes(passed=1)


def test_what_cannot_be_deployed_fails_the_test_in_one_line(run):
    (result := run("def test_it(application):\n    application('other.json')\n")).assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*stepstack: there is no file 'other.json'*"])

    result = run("def test_it(application):\n    application('template.json', parameters={'Size': '1'})\n")
    result.stdout.fnmatch_lines(["*stepstack: *template.json has no parameter Size; it has Stage*"])


@pytest.fixture
def stack():
    with Stack.embedded() as made:
        yield made


def test_a_stack_that_is_deployed_already_is_found_by_its_name(stack, tmp_path, monkeypatch):
    (tmp_path / "template.json").write_text(json.dumps(TEMPLATE))
    deployed = stack.embedded_stack.deploy(tmp_path / "template.json", name="shop")
    monkeypatch.setenv("AWS_SAM_STACK_NAME", "shop")

    found = found_application(stack)

    assert (found.name, found.outputs, found.physical_ids) == ("shop", deployed.outputs, deployed.physical_ids)


def test_a_stack_that_nobody_deployed_is_told_by_its_name(stack, monkeypatch):
    monkeypatch.setenv("AWS_SAM_STACK_NAME", "nowhere")

    with pytest.raises(SettingsError, match=r"AWS_SAM_STACK_NAME is 'nowhere', and CloudFormation in us-east-1 says: .*does not exist"):
        found_application(stack)


def test_a_stack_that_is_to_be_found_must_be_named(stack, monkeypatch):
    monkeypatch.delenv("AWS_SAM_STACK_NAME", raising=False)

    with pytest.raises(SettingsError, match="say the stack's name in AWS_SAM_STACK_NAME"):
        found_application(stack)


def test_versions_and_aliases_are_no_state_machines_of_their_own():
    arn = "arn:aws:states:us-east-1:123456789012:stateMachine:orders"
    ids = {"Order": arn, "OrderVersion": f"{arn}:1", "OrderLive": f"{arn}:live"}
    made = DeployedApplication("app", {}, ids, handle=lambda _, logical_id: logical_id)

    assert made.state_machine() == made.state_machine("Order") == "Order"
    with pytest.raises(SettingsError, match=r"has no state machine 'OrderLive'; it has Order$"):
        made.state_machine("OrderLive")


MACHINE = {"StartAt": "Pay", "States": {"Pay": {"Type": "Task", "Resource": "${Function}", "End": True}}}
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:pay"


@pytest.fixture
def machines(pytester):
    (pytester.path / "own.json").write_text(json.dumps(MACHINE))
    substitutions = {"DefinitionSubstitutions": {"Function": FUNCTION}}
    properties = {
        "Own": {"DefinitionUri": "own.json", **substitutions},
        "Within": {"Definition": MACHINE, **substitutions},
    }
    resources = {name: {"Type": "AWS::Serverless::StateMachine", "Properties": words} for name, words in properties.items()}
    (pytester.path / "machines.json").write_text(json.dumps({"Transform": "AWS::Serverless-2016-10-31", "Resources": resources}))


def test_a_state_machine_of_it_runs_as_the_fixtures_do(run, machines):
    result = run(
        """
        import pytest

        @pytest.mark.parametrize("name", ["Own", "Within"])
        def test_it(application, mock_task, name):
            mock_task("Pay", returns=5)
            assert application("machines.json").state_machine(name).run({}).succeeded().output == 5

        def test_a_mock_that_fits_none_of_its_states(application, mock_task):
            mock_task("Pya", returns=5)
            application("machines.json").state_machine("Own").test_state("Pay", {}, mock=5).succeeded()

        def test_none_of_that_name(application):
            application("machines.json").state_machine("Owner")

        def test_none_chosen(application):
            application("machines.json").state_machine()
        """,
        "--stepstack-cov",
    )
    result.assert_outcomes(passed=2, failed=3)
    result.stdout.fnmatch_lines_random(
        [
            "stepstack: *Pya*",
            "*has no state machine 'Owner'; it has Own, Within",
            "*has 2 state machines, and none is chosen; it has Own, Within",
            "machines.json:Within * 1/1 * 100%",
            "own.json * 1/1 * 100%",
        ]
    )
