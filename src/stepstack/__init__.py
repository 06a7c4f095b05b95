"""A test environment for AWS Step Functions and DynamoDB."""

__version__ = "0.1.0"
