import pytest

from stepstack.integrations.sdk_names import class_name, exception_name, service_prefix, uncapitalised


@pytest.mark.parametrize(
    ("service_id", "prefix"),
    [
        ("DynamoDB", "DynamoDb"),
        ("SFN", "Sfn"),
        ("S3", "S3"),
        ("Secrets Manager", "SecretsManager"),
        ("CloudWatch Logs", "CloudWatchLogs"),
        ("Elastic Load Balancing v2", "ElasticLoadBalancingV2"),
        ("Database Migration Service", "DatabaseMigration"),
        ("IoT", "Iot"),
    ],
)
def test_error_names_begin_with_the_sdks_name_of_the_service(service_id, prefix):
    assert service_prefix(service_id) == prefix


@pytest.mark.parametrize(
    ("shape", "name"),
    [
        ("NoSuchBucket", "NoSuchBucketException"),
        ("ResourceNotFoundException", "ResourceNotFoundException"),
        ("DBInstanceNotFoundFault", "DbInstanceNotFoundException"),
        ("KMSDisabledException", "KmsDisabledException"),
        ("InvalidToken", "InvalidTokenException"),
    ],
)
def test_errors_are_named_like_the_sdks_exceptions(shape, name):
    assert exception_name(shape) == name


@pytest.mark.parametrize(
    ("member", "name"),
    [
        ("ETag", "eTag"),
        ("ChecksumCRC32", "checksumCRC32"),
        ("SSEKMSKeyId", "ssekmsKeyId"),
        ("MD5OfBody", "md5OfBody"),
        ("ARN", "arn"),
        ("A", "a"),
        ("bucket", "bucket"),
    ],
)
def test_a_leading_acronym_is_made_small(member, name):
    assert uncapitalised(member) == name


def test_words_are_told_apart_by_capitals_numbers_and_signs():
    assert class_name("ACMSuccess_s3ec2 v2") == "AcmSuccessS3Ec2V2"
