import asyncio
import json

import pytest

from stepstack.integrations.endpoints import Endpoints
from stepstack.integrations.integrations import Integrations


@pytest.fixture
def followed(called):
    """Starts a job and follows it; each request gets the next answer. The result or the failure, and the requests."""

    def make(service, name, parameters, *answers):
        remaining = list(answers)
        return called(name, parameters, lambda _request: remaining.pop(0), service, follows=True)

    return make


def test_a_job_is_polled_until_it_has_ended(followed):
    job = {"jobId": "j", "jobName": "n", "startedAt": 1745486528077}
    parameters = {"JobName": "n", "JobQueue": "q", "JobDefinition": "d"}
    answers = [
        (200, {"jobId": "j", "jobName": "n"}),
        *((200, {"jobs": [{**job, "status": status}]}) for status in ("RUNNABLE", "SUCCEEDED")),
    ]
    result, requests = followed("batch", "batch:submitJob.sync", parameters, *answers)
    assert result == {"JobId": "j", "JobName": "n", "StartedAt": 1745486528077, "Status": "SUCCEEDED"}
    assert [request.target for request in requests] == ["/v1/submitjob", "/v1/describejobs", "/v1/describejobs"]
    assert requests[1].json == {"jobs": ["j"]}


def test_a_job_that_fails_fails_the_task_with_its_description(followed):
    run = {"JobRun": {"Id": "r", "JobName": "n", "JobRunState": "FAILED", "ErrorMessage": "no"}}
    failure, requests = followed("glue", "glue:startJobRun.sync", {"JobName": "n"}, (200, {"JobRunId": "r"}), (200, run))
    assert failure.error_name == "States.TaskFailed"
    assert json.loads(failure.cause) == {"ErrorMessage": "no", "Id": "r", "JobName": "n", "JobRunState": "FAILED"}
    assert requests[1].json == {"JobName": "n", "RunId": "r"}


@pytest.mark.parametrize(
    ("containers", "succeeds"),
    [
        ([{"name": "a", "exitCode": 0}], True),
        ([{"name": "a", "exitCode": 0}, {"name": "b", "exitCode": 2}], False),
        ([{"name": "a", "reason": "CannotPullContainerError"}], False),
    ],
    ids=["all exit with 0", "one exits with 2", "one never ran"],
)
def test_a_task_of_ecs_succeeds_where_its_containers_do(followed, containers, succeeds):
    task = {"taskArn": "arn:t", "lastStatus": "STOPPED", "containers": containers}
    answers = [(200, {"tasks": [{"taskArn": "arn:t"}]}), (200, {"tasks": [task]})]
    result, requests = followed("ecs", "ecs:runTask.sync", {"Cluster": "c", "TaskDefinition": "d"}, *answers)
    assert requests[1].json == {"cluster": "c", "tasks": ["arn:t"]}
    if succeeds:
        assert result["Containers"][0]["ExitCode"] == 0
    else:
        assert result.error_name == "States.TaskFailed"


def test_what_is_deleted_is_done_once_it_is_gone(followed):
    gone = (404, {"message": "No cluster found"}, {"x-amzn-ErrorType": "ResourceNotFoundException"})
    deleting = (200, {"cluster": {"name": "n", "status": "DELETING"}})
    result, _ = followed("eks", "eks:deleteCluster.sync", {"Name": "n"}, deleting, deleting, gone)
    assert result == {}


def test_a_refusal_while_a_job_is_followed_fails_the_task(followed):
    answers = [(200, {"JobRunId": "r"}), (400, {"__type": "EntityNotFoundException", "Message": "No run"})]
    failure, _ = followed("glue", "glue:startJobRun.sync", {"JobName": "n"}, *answers)
    assert failure.error_name == "Glue.EntityNotFoundException"


def test_an_emr_step_is_followed_by_its_id(followed):
    answers = [(200, {"StepIds": ["s-1"]}), (200, {"Step": {"Id": "s-1", "Status": {"State": "COMPLETED"}}})]
    result, requests = followed("emr", "elasticmapreduce:addStep.sync", {"ClusterId": "c", "Step": {"Name": "n"}}, *answers)
    assert requests[1].json == {"ClusterId": "c", "StepId": "s-1"}
    assert result["Step"]["Status"]["State"] == "COMPLETED"


def test_a_build_is_answered_under_its_name(followed):
    build = {"id": "b:1", "buildStatus": "SUCCEEDED"}
    result, requests = followed(
        "codebuild", "codebuild:startBuild.sync", {"ProjectName": "p"}, (200, {"build": build}), (200, {"builds": [build]})
    )
    assert requests[1].json == {"ids": ["b:1"]}
    assert result == {"Build": {"BuildStatus": "SUCCEEDED", "Id": "b:1"}}


def test_the_job_of_a_stopped_execution_is_stopped(local_server, task_call):
    async def scenario():
        async with local_server(lambda _request: (200, {})) as server:
            integrations = Integrations(Endpoints(default_url=server.url))
            await integrations.abandon(task_call("batch:submitJob.sync", {"JobName": "n"}), {"JobId": "j"})
            await integrations.abandon(task_call("ecs:runTask.sync", {"Cluster": "c"}), {"Tasks": [{"TaskArn": "arn:t"}]})
            await integrations.abandon(task_call("elasticmapreduce:createCluster.sync", {}), {"ClusterId": "c"})
            await integrations.close()
            return server.requests

    batch, ecs = asyncio.run(scenario())
    assert batch.json == {"jobId": "j", "reason": "The execution of the state machine was stopped"}
    assert ecs.json == {"cluster": "c", "task": "arn:t"}


def test_a_job_that_cannot_be_stopped_is_left_alone(local_server, task_call):
    async def scenario():
        async with local_server(lambda _request: (400, {"__type": "ClientException", "message": "no"})) as server:
            integrations = Integrations(Endpoints(default_url=server.url))
            await integrations.abandon(task_call("batch:submitJob.sync", {}), {"JobId": "j"})
            await integrations.close()

    asyncio.run(scenario())
