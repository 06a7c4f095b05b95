"""APIs and requests to them, over ASGI as a server hands them on."""

from __future__ import annotations

import asyncio

from stepstack.stacks.embedded.apis.api import Api
from stepstack.stacks.embedded.services import EmbeddedServices

URI = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:123456789012:function:f/invocations"
GUARD_URI = URI.replace(":f/", ":guard/")


def proxy(**more):
    """An operation with a Lambda proxy integration."""
    return {"x-amazon-apigateway-integration": {"type": "aws_proxy", "httpMethod": "POST", "uri": URI, **more}}


class World:
    """Services with the function `f`, which keeps its events, and an API `abc123`."""

    def __init__(self):
        self.services = EmbeddedServices(endpoint_url="http://127.0.0.1:4321")
        self.events = []
        self.answer = {"statusCode": 200, "body": "ok"}
        self.services.lambda_service.register("f", self.handler)
        self.services.step_functions = self.step_functions
        self.called = []
        """Operations of Step Functions, with their parameters."""
        self.execution = {"status": "SUCCEEDED", "output": '{"done":true}'}

    def handler(self, event, _context):
        self.events.append(event)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def step_functions(self, operation, parameters):
        self.called.append((operation, parameters))
        if isinstance(self.execution, Exception):
            raise self.execution
        return self.execution

    def guard(self, answer):
        """Registers the authorizers' function; what it was asked is in the list that comes back."""
        asked = []

        def guard(event, _context):
            asked.append(event)
            if isinstance(answer, Exception):
                raise answer
            return answer(event) if callable(answer) else answer

        self.services.lambda_service.register("guard", guard)
        return asked

    def api(self, paths, *, is_rest=True, stage="Prod", variables=None, **document):
        api = Api("abc123", {"paths": paths, **document}, is_rest=is_rest)
        api.stages[stage] = variables or {}
        self.services.api_gateway.apis["abc123"] = api
        return api

    def send(self, method, path, *, headers=None, body=b"", host="127.0.0.1:4321"):
        """Over ASGI, as a server hands it on: status, headers, body."""
        path, _, query = path.partition("?")
        sent = []
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [(name.lower().encode(), value.encode()) for name, value in {"host": host, **(headers or {})}.items()],
            "scheme": "http",
        }

        async def receive():
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message):
            sent.append(message)

        asyncio.run(self.services(scope, receive, send))
        headers = {}
        for name, value in sent[0]["headers"]:
            headers[name.decode()] = ", ".join(filter(None, [headers.get(name.decode()), value.decode()]))
        return sent[0]["status"], headers, sent[1]["body"]
