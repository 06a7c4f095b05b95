"""What AWS's durable execution SDK keeps in a process, where on AWS each function has a process of its own.

The SDK makes one client of Lambda for a process, and sends its checkpoints there. In a test's process, stacks come and go: a client that
another stack's function has made would send them to the wrong place. Called by `lambda_service` before an invocation of a durable
function. The SDK is looked at only where a function has imported it: stepstack does not need it.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping

__all__ = ["renew_client"]

_MODULE = "aws_durable_execution_sdk_python.lambda_service"


def renew_client(variables: Mapping[str, str]) -> None:
    """Has the SDK's client call the stack that a function's environment `variables` name."""
    module = sys.modules.get(_MODULE)
    wanted = variables.get("AWS_ENDPOINT_URL_LAMBDA") or variables.get("AWS_ENDPOINT_URL")
    if module is None or wanted is None:
        return
    kind = module.LambdaClient
    cached = getattr(kind, "_cached_boto_client", None)
    if cached is not None and cached.meta.endpoint_url != wanted:
        kind._cached_boto_client = None
        cached.close()
    # boto3 cannot make clients in several threads at once: here it is the only one.
    kind.initialize_client()
