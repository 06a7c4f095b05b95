"""Reports how the integration tests went: as this function's result, and to CloudFormation where the execution began with its request."""

from __future__ import annotations

import json
from typing import Any

import urllib3


def event_handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    report = report_of(event)
    request = event["request"]
    if "ResponseURL" in request:
        call_back(request, report)
    return report


def report_of(event: dict[str, Any]) -> dict[str, Any]:
    """Whether all tests passed, and what is wrong where not. A branch that failed altogether left `error` behind, and no `tests`."""
    if "error" in event:
        return {"success": False, "tests": [], "reason": f"{event['error']['Error']}: {event['error']['Cause']}"}
    tests = event["tests"]
    failed = [f"{test['test_name']}: {test['error_message']}" for test in tests if not test["success"]]
    return {"success": not failed, "tests": tests, "reason": "; ".join(failed)}


def call_back(request: dict[str, Any], report: dict[str, Any]) -> None:
    """Answers CloudFormation: PUT to the URL that it has sent, which is signed for requests without a content type."""
    answer = {
        "Status": "SUCCESS" if report["success"] else "FAILED",
        "Reason": report["reason"] or "all integration tests passed",
        "PhysicalResourceId": request.get("PhysicalResourceId") or f"{request['LogicalResourceId']}-{request['RequestId']}",
        "StackId": request["StackId"],
        "RequestId": request["RequestId"],
        "LogicalResourceId": request["LogicalResourceId"],
        "Data": {"Passed": ", ".join(sorted(test["test_name"] for test in report["tests"] if test["success"]))},
    }
    with urllib3.PoolManager() as connections:
        received = connections.request("PUT", request["ResponseURL"], body=json.dumps(answer), headers={"Content-Type": ""}, timeout=10)
    if received.status != 200:
        raise RuntimeError(f"CloudFormation answered {received.status}")
