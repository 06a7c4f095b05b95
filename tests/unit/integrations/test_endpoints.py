import asyncio

import pytest

from stepstack.errors import SettingsError
from stepstack.integrations.endpoints import EndpointMissing, Endpoints


def endpoint(endpoints, service, **settings):
    return asyncio.run(endpoints.endpoint(service, **settings))


async def function(_service, _operation, _params):
    return {}


async def application(_method, _url, _headers, _body, *, service, region):
    return 200, {"x": service + region}, b""


@pytest.mark.parametrize(
    ("variable", "service"),
    [
        ("DYNAMODB_ENDPOINT", "dynamodb"),
        ("LAMBDA_ENDPOINT", "lambda"),
        ("SAGE_MAKER_ENDPOINT", "sagemaker"),
        ("STEP_FUNCTIONS_ENDPOINT", "stepfunctions"),
        ("BATCH_ENDPOINT", "batch"),
        ("AWS_ENDPOINT_URL_DYNAMODB", "dynamodb"),
        ("AWS_ENDPOINT_URL_SFN", "stepfunctions"),
        ("AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", "logs"),
        ("AWS_ENDPOINT_URL_EVENTBRIDGE", "events"),
        ("AWS_ENDPOINT_URL_S3", "s3"),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", "secretsmanager"),
        ("AWS_ENDPOINT_URL_CONFIG_SERVICE", "config"),
        ("AWS_ENDPOINT_URL_EXECUTE_API", "execute-api"),
        ("AWS_ENDPOINT_URL", "kms"),
    ],
)
def test_variables_say_where_services_are(variable, service):
    endpoints = Endpoints.from_environment({variable: "http://127.0.0.1:9/"})
    assert endpoint(endpoints, service).url == "http://127.0.0.1:9"


def test_settings_come_before_step_functions_locals_variables_and_these_before_botocores():
    variables = {"AWS_ENDPOINT_URL": "http://all", "AWS_ENDPOINT_URL_SQS": "http://botocore", "SQS_ENDPOINT": "http://local"}
    assert endpoint(Endpoints.from_environment(variables, urls={"sqs": "http://given"}), "sqs").url == "http://given"
    assert endpoint(Endpoints.from_environment(variables), "sqs").url == "http://local"
    del variables["SQS_ENDPOINT"]
    assert endpoint(Endpoints.from_environment(variables), "sqs").url == "http://botocore"
    assert endpoint(Endpoints.from_environment(variables), "sns").url == "http://all"


def test_botocores_variables_can_be_switched_off_as_in_botocore():
    variables = {"AWS_ENDPOINT_URL": "http://all", "AWS_ENDPOINT_URL_SQS": "http://one", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}
    with pytest.raises(EndpointMissing):
        endpoint(Endpoints.from_environment(variables), "sqs")


def test_a_url_for_a_service_comes_before_the_process_and_that_before_the_url_for_all():
    endpoints = Endpoints(in_process={"lambda": function}, application=application, default_url="http://all")
    assert endpoints.function("lambda") is function
    assert endpoint(endpoints, "s3").application is application
    endpoints = Endpoints(in_process={"lambda": function}, application=application, urls={"lambda": "http://one", "s3": "http://two"})
    assert endpoints.function("lambda") is None
    assert endpoint(endpoints, "s3").application is None


def test_without_any_endpoint_the_error_says_what_to_set():
    with pytest.raises(EndpointMissing) as missing:
        endpoint(Endpoints(), "sagemaker")
    assert str(missing.value) == (
        "No endpoint is known for the service 'sagemaker': set SAGE_MAKER_ENDPOINT or AWS_ENDPOINT_URL_SAGEMAKER or AWS_ENDPOINT_URL "
        "to its URL, or STEPSTACK_ALLOW_AWS=1 to call AWS itself"
    )


def test_aws_is_called_where_it_is_allowed_with_the_keys_that_botocore_finds(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    found = endpoint(Endpoints.from_environment({"STEPSTACK_ALLOW_AWS": "1"}), "dynamodb", region="eu-west-1")
    assert (found.url, found.is_aws, found.region) == ("https://dynamodb.eu-west-1.amazonaws.com", True, "eu-west-1")
    assert found.credentials.access_key == "AKIDEXAMPLE"
    assert endpoint(Endpoints(allow_aws=True), "iam").region == "us-east-1"


def test_without_keys_aws_is_not_called(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    with pytest.raises(EndpointMissing, match="no credentials"):
        endpoint(Endpoints(allow_aws=True), "dynamodb")


def test_local_services_get_the_keys_of_the_variables_or_ones_that_any_takes():
    assert Endpoints.from_environment({}).credentials.access_key == "test"
    given = {"AWS_ACCESS_KEY_ID": "one", "AWS_SECRET_ACCESS_KEY": "two", "AWS_SESSION_TOKEN": "three"}
    assert Endpoints.from_environment(given).credentials.session_token == given["AWS_SESSION_TOKEN"]


def test_the_region_is_the_variables():
    assert Endpoints.from_environment({"AWS_DEFAULT_REGION": "eu-central-1"}).region == "eu-central-1"
    assert Endpoints.from_environment({"AWS_REGION": "eu-west-3"}).region == "eu-west-3"


def test_a_variable_that_is_no_url_is_an_error_with_its_name():
    with pytest.raises(SettingsError, match="DYNAMODB_ENDPOINT is 'localhost:8000'"):
        Endpoints.from_environment({"DYNAMODB_ENDPOINT": "localhost:8000"})
