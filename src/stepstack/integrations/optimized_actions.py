"""The optimized integrations that AWS documents, as data: services, actions, patterns, and how a `.sync` job is followed to its end.

Read by the catalog (what a definition may use) and by the runner (how it is called). It leaves out how single actions differ in more than
names (`request_forms.py`). Source: AWS's developer guide, "Integrating optimized services", and recorded answers.
"""

from __future__ import annotations

from collections.abc import Mapping

from stepstack.integrations.optimized import Job, OptimizedAction, OptimizedService, Source
from stepstack.language.resources import IntegrationPattern

__all__ = ["ACTIONS", "optimized_action"]

REQUEST = IntegrationPattern.REQUEST_RESPONSE
SYNC = IntegrationPattern.SYNC
SYNC_2 = IntegrationPattern.SYNC_2
TOKEN = IntegrationPattern.WAIT_FOR_TASK_TOKEN
NO_TASK: tuple[IntegrationPattern, ...] = ()
"""Of what a Map's ItemReader and ResultWriter name, and no Task may."""


def _states(*names: str) -> frozenset[str]:
    return frozenset(names)


_APIGATEWAY = OptimizedService("apigateway", "apigateway", "ApiGateway", "AmazonApiGateway", has_metadata=False)
_ATHENA = OptimizedService("athena", "athena", "Athena", "AmazonAthena", "AmazonAthenaException")
_BATCH = OptimizedService("batch", "batch", "Batch", "AWSBatch", "AWSBatchException")
_BEDROCK = OptimizedService("bedrock", "bedrock", "Bedrock", "Bedrock", "BedrockException", has_metadata=False)
_BEDROCK_RUNTIME = OptimizedService(
    "bedrock", "bedrock-runtime", "BedrockRuntime", "BedrockRuntime", "BedrockRuntimeException", has_metadata=False
)
_BEDROCK_AGENTCORE = OptimizedService(
    "bedrockagentcore", "bedrock-agentcore", "BedrockAgentCore", "BedrockAgentCore", "BedrockAgentCoreException", has_metadata=False
)
_CODEBUILD = OptimizedService("codebuild", "codebuild", "CodeBuild", "AWSCodeBuild", "AWSCodeBuildException")
_DATABREW = OptimizedService("databrew", "databrew", "DataBrew", "AWSGlueDataBrew", "AWSGlueDataBrewException")
_DYNAMODB = OptimizedService("dynamodb", "dynamodb", "DynamoDB", "AmazonDynamoDBv2", "AmazonDynamoDBException")
_ECS = OptimizedService("ecs", "ecs", "ECS", "AmazonECS", "AmazonECSException")
_EKS = OptimizedService("eks", "eks", "EKS", "AmazonEKS", "AmazonEKSException")
_EMR = OptimizedService("elasticmapreduce", "emr", "ElasticMapReduce", "AmazonElasticMapReduce", "AmazonElasticMapReduceException")
_EMR_CONTAINERS = OptimizedService(
    "emr-containers", "emr-containers", "EMRContainers", "AmazonEMRContainers", "AmazonEMRContainersException"
)
_EMR_SERVERLESS = OptimizedService(
    "emr-serverless", "emr-serverless", "EmrServerless", "EmrServerless", "EmrServerlessException", has_metadata=False
)
_EVENTS = OptimizedService("events", "events", "EventBridge", "AmazonEventBridge", "AmazonEventBridgeException", has_metadata=False)
_GLUE = OptimizedService("glue", "glue", "Glue", "AWSGlue", "AWSGlueException")
_HTTP = OptimizedService("http", "", "States.Http", has_metadata=False)
_LAMBDA = OptimizedService("lambda", "lambda", "Lambda", "AWSLambda", "AWSLambdaException")
_MEDIACONVERT = OptimizedService(
    "mediaconvert", "mediaconvert", "MediaConvert", "AWSMediaConvert", "AWSMediaConvertException", has_metadata=False
)
_S3 = OptimizedService("s3", "s3", "S3", "Amazon S3", "AmazonS3Exception", has_metadata=False)
_SAGEMAKER = OptimizedService("sagemaker", "sagemaker", "SageMaker", "AmazonSageMaker", "AmazonSageMakerException")
_SNS = OptimizedService("sns", "sns", "SNS", "AmazonSNS", "AmazonSNSException")
_SQS = OptimizedService("sqs", "sqs", "SQS", "AmazonSQS", "AmazonSQSException")
_STATES = OptimizedService("states", "stepfunctions", "StepFunctions", "AWSStepFunctions", "AWSStepFunctionsException")


def _sagemaker_job(kind: str, *required: str) -> OptimizedAction:
    name = f"{kind}JobName"
    job = Job(
        describe=f"Describe{kind}Job",
        arguments={name: f">{name}"},
        status=f"{kind}JobStatus",
        succeeded=_states("Completed"),
        failed=_states("Failed", "Stopped"),
        stop=f"Stop{kind}Job",
        stop_arguments={name: f">{name}"},
    )
    return OptimizedAction(_SAGEMAKER, f"create{kind}Job", f"Create{kind}Job", (REQUEST, SYNC), (name, *required), job=job)


def _builds(action: str, operation: str, member: str, required: tuple[str, ...]) -> OptimizedAction:
    plural, title = ("builds", "Build") if member == "build" else ("buildBatches", "BuildBatch")
    job = Job(
        describe="BatchGetBuilds" if member == "build" else "BatchGetBuildBatches",
        arguments={"ids": (f"<{member}.id",)},
        status=f"{plural}.0.{member}Status",
        succeeded=_states("SUCCEEDED"),
        failed=_states("FAILED", "FAULT", "STOPPED", "TIMED_OUT"),
        answer=f"{plural}.0",
        answer_name=title,
        stop=f"Stop{title}",
        stop_arguments={"id": f"<{member}.id"},
    )
    return OptimizedAction(_CODEBUILD, action, operation, (REQUEST, SYNC), required, job=job)


def _eks(action: str, operation: str, member: str, required: tuple[str, ...], names: Mapping[str, Source]) -> OptimizedAction:
    describe, failed = {
        "cluster": ("DescribeCluster", _states("FAILED")),
        "fargateProfile": ("DescribeFargateProfile", _states("CREATE_FAILED", "DELETE_FAILED")),
        "nodegroup": ("DescribeNodegroup", _states("CREATE_FAILED", "DELETE_FAILED")),
    }[member]
    is_deletion = action.startswith("delete")
    job = Job(
        describe=describe,
        arguments=names,
        status=f"{member}.status",
        succeeded=_states() if is_deletion else _states("ACTIVE"),
        failed=failed,
        gone_is_success=is_deletion,
    )
    return OptimizedAction(_EKS, action, operation, (REQUEST, SYNC), required, job=job)


def _serverless_application(action: str, operation: str, succeeded: str) -> OptimizedAction:
    is_creation = action == "createApplication"
    job = Job(
        describe="GetApplication",
        arguments={"applicationId": "<applicationId" if is_creation else ">applicationId"},
        status="application.state",
        succeeded=_states(succeeded),
        failed=_states("TERMINATED") - _states(succeeded),
    )
    required = ("ReleaseLabel", "Type") if is_creation else ("ApplicationId",)
    return OptimizedAction(_EMR_SERVERLESS, action, operation, (REQUEST, SYNC), required, job=job)


_CLUSTER: Mapping[str, Source] = {"name": ">name"}
_PROFILE: Mapping[str, Source] = {"clusterName": ">clusterName", "fargateProfileName": ">fargateProfileName"}
_NODEGROUP: Mapping[str, Source] = {"clusterName": ">clusterName", "nodegroupName": ">nodegroupName"}

_HARNESS = (
    *("ActorId", "AllowedTools", "Baggage", "HarnessArn", "MaxIterations", "MaxTokens", "Messages", "Model", "Qualifier"),
    *("RuntimeSessionId", "RuntimeUserId", "Skills", "SystemPrompt", "TimeoutSeconds", "Tools", "TraceId", "TraceParent", "TraceState"),
)
"""Those of the operation, whose answer comes in events: it is not called."""

_TABLE = (
    OptimizedAction(
        _APIGATEWAY,
        "invoke",
        "",
        (REQUEST, TOKEN),
        ("ApiEndpoint", "Method"),
        ("ApiEndpoint", "Method", "Headers", "Stage", "Path", "QueryParameters", "RequestBody", "AllowNullValues", "AuthType"),
    ),
    OptimizedAction(
        _ATHENA,
        "startQueryExecution",
        "StartQueryExecution",
        (REQUEST, SYNC),
        ("QueryString",),
        job=Job(
            describe="GetQueryExecution",
            arguments={"QueryExecutionId": "<QueryExecutionId"},
            status="QueryExecution.Status.State",
            succeeded=_states("SUCCEEDED"),
            failed=_states("FAILED", "CANCELLED"),
            stop="StopQueryExecution",
            stop_arguments={"QueryExecutionId": "<QueryExecutionId"},
        ),
    ),
    OptimizedAction(_ATHENA, "stopQueryExecution", "StopQueryExecution", required=("QueryExecutionId",)),
    OptimizedAction(_ATHENA, "getQueryExecution", "GetQueryExecution", required=("QueryExecutionId",)),
    OptimizedAction(_ATHENA, "getQueryResults", "GetQueryResults", required=("QueryExecutionId",)),
    OptimizedAction(
        _BATCH,
        "submitJob",
        "SubmitJob",
        (REQUEST, SYNC),
        ("JobDefinition", "JobName", "JobQueue"),
        job=Job(
            describe="DescribeJobs",
            arguments={"jobs": ("<jobId",)},
            status="jobs.0.status",
            succeeded=_states("SUCCEEDED"),
            failed=_states("FAILED"),
            answer="jobs.0",
            stop="TerminateJob",
            stop_arguments={"jobId": "<jobId", "reason": "=The execution of the state machine was stopped"},
        ),
    ),
    OptimizedAction(
        _BEDROCK_RUNTIME,
        "invokeModel",
        "InvokeModel",
        (REQUEST, TOKEN),
        ("ModelId",),
        json_parameters=("Body",),
        json_answers=("Body",),
        refused=("Input", "Output"),
    ),
    OptimizedAction(
        _BEDROCK,
        "createModelCustomizationJob",
        "CreateModelCustomizationJob",
        (REQUEST, SYNC),
        ("BaseModelIdentifier", "CustomModelName", "JobName", "OutputDataConfig", "RoleArn", "TrainingDataConfig"),
        job=Job(
            describe="GetModelCustomizationJob",
            arguments={"jobIdentifier": "<jobArn"},
            status="status",
            succeeded=_states("Completed"),
            failed=_states("Failed", "Stopped"),
            stop="StopModelCustomizationJob",
            stop_arguments={"jobIdentifier": "<jobArn"},
        ),
    ),
    OptimizedAction(
        _BEDROCK_AGENTCORE,
        "invokeHarness",
        "",
        (REQUEST,),
        ("HarnessArn", "Messages"),
        _HARNESS,
    ),
    _builds("startBuild", "StartBuild", "build", ("ProjectName",)),
    OptimizedAction(_CODEBUILD, "stopBuild", "StopBuild", required=("Id",)),
    OptimizedAction(_CODEBUILD, "batchDeleteBuilds", "BatchDeleteBuilds", required=("Ids",)),
    OptimizedAction(_CODEBUILD, "batchGetReports", "BatchGetReports", required=("ReportArns",)),
    _builds("startBuildBatch", "StartBuildBatch", "buildBatch", ("ProjectName",)),
    OptimizedAction(_CODEBUILD, "stopBuildBatch", "StopBuildBatch", required=("Id",)),
    _builds("retryBuildBatch", "RetryBuildBatch", "buildBatch", ()),
    OptimizedAction(_CODEBUILD, "deleteBuildBatch", "DeleteBuildBatch", required=("Id",)),
    OptimizedAction(
        _DATABREW,
        "startJobRun",
        "StartJobRun",
        (REQUEST, SYNC),
        ("Name",),
        job=Job(
            describe="DescribeJobRun",
            arguments={"Name": ">Name", "RunId": "<RunId"},
            status="State",
            succeeded=_states("SUCCEEDED"),
            failed=_states("FAILED", "STOPPED", "TIMEOUT"),
            stop="StopJobRun",
            stop_arguments={"Name": ">Name", "RunId": "<RunId"},
        ),
    ),
    OptimizedAction(_DYNAMODB, "getItem", "GetItem", required=("Key", "TableName")),
    OptimizedAction(_DYNAMODB, "putItem", "PutItem", required=("Item", "TableName")),
    OptimizedAction(_DYNAMODB, "updateItem", "UpdateItem", required=("Key", "TableName")),
    OptimizedAction(_DYNAMODB, "deleteItem", "DeleteItem", required=("Key", "TableName")),
    OptimizedAction(
        _ECS,
        "runTask",
        "RunTask",
        (REQUEST, SYNC, TOKEN),
        ("TaskDefinition",),
        job=Job(
            describe="DescribeTasks",
            arguments={"cluster": ">cluster", "tasks": ("<tasks.0.taskArn",)},
            status="tasks.0.lastStatus",
            succeeded=_states("STOPPED"),
            answer="tasks.0",
            stop="StopTask",
            stop_arguments={"cluster": ">cluster", "task": "<tasks.0.taskArn"},
        ),
    ),
    _eks("createCluster", "CreateCluster", "cluster", ("Name", "ResourcesVpcConfig", "RoleArn"), _CLUSTER),
    _eks("deleteCluster", "DeleteCluster", "cluster", ("Name",), _CLUSTER),
    _eks(
        "createFargateProfile",
        "CreateFargateProfile",
        "fargateProfile",
        ("ClusterName", "FargateProfileName", "PodExecutionRoleArn"),
        _PROFILE,
    ),
    _eks("deleteFargateProfile", "DeleteFargateProfile", "fargateProfile", ("ClusterName", "FargateProfileName"), _PROFILE),
    _eks("createNodegroup", "CreateNodegroup", "nodegroup", ("ClusterName", "NodeRole", "NodegroupName", "Subnets"), _NODEGROUP),
    _eks("deleteNodegroup", "DeleteNodegroup", "nodegroup", ("ClusterName", "NodegroupName"), _NODEGROUP),
    OptimizedAction(
        _EKS,
        "call",
        "",
        (REQUEST, TOKEN),
        ("CertificateAuthority", "ClusterName", "Endpoint", "Method", "Path"),
        ("CertificateAuthority", "ClusterName", "Endpoint", "Method", "Path", "QueryParameters", "RequestBody"),
    ),
    OptimizedAction(
        _EKS,
        "runJob",
        "",
        (REQUEST, SYNC, TOKEN),
        ("CertificateAuthority", "ClusterName", "Endpoint", "Job"),
        ("CertificateAuthority", "ClusterName", "Endpoint", "Namespace", "Job", "LogOptions"),
    ),
    OptimizedAction(
        _EMR,
        "createCluster",
        "RunJobFlow",
        (REQUEST, SYNC),
        ("Instances", "Name"),
        job=Job(
            describe="DescribeCluster",
            arguments={"ClusterId": "<JobFlowId"},
            status="Cluster.Status.State",
            succeeded=_states("RUNNING", "WAITING"),
            failed=_states("TERMINATED", "TERMINATED_WITH_ERRORS", "TERMINATING"),
        ),
    ),
    OptimizedAction(
        _EMR,
        "terminateCluster",
        "TerminateJobFlows",
        (REQUEST, SYNC),
        ("ClusterId",),
        ("ClusterId",),
        job=Job(
            describe="DescribeCluster",
            arguments={"ClusterId": ">JobFlowIds.0"},
            status="Cluster.Status.State",
            succeeded=_states("TERMINATED", "TERMINATED_WITH_ERRORS"),
        ),
    ),
    OptimizedAction(
        _EMR,
        "addStep",
        "AddJobFlowSteps",
        (REQUEST, SYNC),
        ("ClusterId", "Step"),
        ("ClusterId", "Step", "ExecutionRoleArn"),
        job=Job(
            describe="DescribeStep",
            arguments={"ClusterId": ">JobFlowId", "StepId": "<StepIds.0"},
            status="Step.Status.State",
            succeeded=_states("COMPLETED"),
            failed=_states("CANCELLED", "FAILED", "INTERRUPTED"),
            stop="CancelSteps",
            stop_arguments={"ClusterId": ">JobFlowId", "StepIds": ("<StepIds.0",)},
        ),
    ),
    OptimizedAction(_EMR, "cancelStep", "CancelSteps", (REQUEST,), ("ClusterId", "StepId"), ("ClusterId", "StepId")),
    OptimizedAction(
        _EMR,
        "setClusterTerminationProtection",
        "SetTerminationProtection",
        (REQUEST,),
        ("ClusterId", "TerminationProtected"),
        ("ClusterId", "TerminationProtected"),
    ),
    OptimizedAction(
        _EMR,
        "modifyInstanceFleetByName",
        "ModifyInstanceFleet",
        (REQUEST,),
        ("ClusterId", "InstanceFleet", "InstanceFleetName"),
        ("ClusterId", "InstanceFleet", "InstanceFleetName"),
    ),
    OptimizedAction(
        _EMR,
        "modifyInstanceGroupByName",
        "ModifyInstanceGroups",
        (REQUEST,),
        ("ClusterId", "InstanceGroup", "InstanceGroupName"),
        ("ClusterId", "InstanceGroup", "InstanceGroupName"),
    ),
    OptimizedAction(
        _EMR_CONTAINERS,
        "createVirtualCluster",
        "CreateVirtualCluster",
        (REQUEST,),
        ("ContainerProvider", "Name"),
    ),
    OptimizedAction(
        _EMR_CONTAINERS,
        "deleteVirtualCluster",
        "DeleteVirtualCluster",
        (REQUEST, SYNC),
        ("Id",),
        job=Job(
            describe="DescribeVirtualCluster",
            arguments={"id": "<id"},
            status="virtualCluster.state",
            succeeded=_states("TERMINATED"),
            failed=_states("ARRESTED"),
            gone_is_success=True,
        ),
    ),
    OptimizedAction(
        _EMR_CONTAINERS,
        "startJobRun",
        "StartJobRun",
        (REQUEST, SYNC),
        ("VirtualClusterId",),
        job=Job(
            describe="DescribeJobRun",
            arguments={"id": "<id", "virtualClusterId": "<virtualClusterId"},
            status="jobRun.state",
            succeeded=_states("COMPLETED"),
            failed=_states("FAILED", "CANCELLED"),
            answer="jobRun",
            stop="CancelJobRun",
            stop_arguments={"id": "<id", "virtualClusterId": "<virtualClusterId"},
        ),
    ),
    _serverless_application("createApplication", "CreateApplication", "CREATED"),
    _serverless_application("startApplication", "StartApplication", "STARTED"),
    _serverless_application("stopApplication", "StopApplication", "STOPPED"),
    _serverless_application("deleteApplication", "DeleteApplication", "TERMINATED"),
    OptimizedAction(
        _EMR_SERVERLESS,
        "startJobRun",
        "StartJobRun",
        (REQUEST, SYNC),
        ("ApplicationId", "ExecutionRoleArn"),
        job=Job(
            describe="GetJobRun",
            arguments={"applicationId": "<applicationId", "jobRunId": "<jobRunId"},
            status="jobRun.state",
            succeeded=_states("SUCCESS"),
            failed=_states("FAILED", "CANCELLED"),
            stop="CancelJobRun",
            stop_arguments={"applicationId": "<applicationId", "jobRunId": "<jobRunId"},
        ),
    ),
    OptimizedAction(
        _EMR_SERVERLESS,
        "cancelJobRun",
        "CancelJobRun",
        (REQUEST, SYNC),
        ("ApplicationId", "JobRunId"),
        job=Job(
            describe="GetJobRun",
            arguments={"applicationId": ">applicationId", "jobRunId": ">jobRunId"},
            status="jobRun.state",
            succeeded=_states("CANCELLED"),
            failed=_states("FAILED", "SUCCESS"),
        ),
    ),
    OptimizedAction(_EVENTS, "putEvents", "PutEvents", (REQUEST, TOKEN), ("Entries",)),
    OptimizedAction(
        _GLUE,
        "startJobRun",
        "StartJobRun",
        (REQUEST, SYNC),
        ("JobName",),
        job=Job(
            describe="GetJobRun",
            arguments={"JobName": ">JobName", "RunId": "<JobRunId"},
            status="JobRun.JobRunState",
            succeeded=_states("SUCCEEDED"),
            failed=_states("FAILED", "STOPPED", "TIMEOUT", "ERROR", "EXPIRED"),
            answer="JobRun",
            stop="BatchStopJobRun",
            stop_arguments={"JobName": ">JobName", "JobRunIds": ("<JobRunId",)},
        ),
    ),
    OptimizedAction(
        _HTTP,
        "invoke",
        "",
        (REQUEST,),
        ("ApiEndpoint", "Method"),
        ("ApiEndpoint", "Method", "Authentication", "InvocationConfig", "Headers", "QueryParameters", "RequestBody", "Transform"),
    ),
    OptimizedAction(_LAMBDA, "invoke", "Invoke", (REQUEST, TOKEN), ("FunctionName",)),
    OptimizedAction(
        _MEDIACONVERT,
        "createJob",
        "CreateJob",
        (REQUEST, SYNC),
        ("Role", "Settings"),
        job=Job(
            describe="GetJob",
            arguments={"Id": "<Job.Id"},
            status="Job.Status",
            succeeded=_states("COMPLETE"),
            failed=_states("ERROR", "CANCELED"),
            stop="CancelJob",
            stop_arguments={"Id": "<Job.Id"},
        ),
    ),
    OptimizedAction(_S3, "getObject", "GetObject", NO_TASK, required=("Bucket", "Key")),
    OptimizedAction(_S3, "listObjectsV2", "ListObjectsV2", NO_TASK, required=("Bucket",)),
    OptimizedAction(_S3, "putObject", "PutObject", NO_TASK, required=("Bucket", "Key")),
    OptimizedAction(_SAGEMAKER, "createEndpoint", "CreateEndpoint", required=("EndpointConfigName", "EndpointName")),
    OptimizedAction(_SAGEMAKER, "createEndpointConfig", "CreateEndpointConfig", required=("EndpointConfigName", "ProductionVariants")),
    OptimizedAction(_SAGEMAKER, "createModel", "CreateModel", required=("ModelName",)),
    OptimizedAction(_SAGEMAKER, "updateEndpoint", "UpdateEndpoint", required=("EndpointConfigName", "EndpointName")),
    _sagemaker_job("HyperParameterTuning", "HyperParameterTuningJobConfig"),
    _sagemaker_job("Labeling", "HumanTaskConfig", "InputConfig", "LabelAttributeName", "OutputConfig", "RoleArn"),
    _sagemaker_job("Processing", "AppSpecification", "ProcessingResources", "RoleArn"),
    _sagemaker_job("Training", "OutputDataConfig", "RoleArn"),
    _sagemaker_job("Transform", "ModelName", "TransformInput", "TransformOutput", "TransformResources"),
    OptimizedAction(_SNS, "publish", "Publish", (REQUEST, TOKEN), ("Message",), json_parameters=("Message",)),
    OptimizedAction(_SQS, "sendMessage", "SendMessage", (REQUEST, TOKEN), ("MessageBody", "QueueUrl"), json_parameters=("MessageBody",)),
    OptimizedAction(
        _STATES, "startExecution", "StartExecution", (REQUEST, SYNC, SYNC_2, TOKEN), ("StateMachineArn",), json_parameters=("Input",)
    ),
)

ACTIONS: Mapping[tuple[str, str], OptimizedAction] = {(action.service.name, action.action): action for action in _TABLE}
"""By service and action as the Resource names them."""


def optimized_action(service: str, action: str) -> OptimizedAction | None:
    return ACTIONS.get((service, action))
