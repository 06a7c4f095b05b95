"""`http:invoke`: calls any HTTPS API, with the authorization of an EventBridge connection.

Called by the runner. Locally plain http:// is allowed too, and a connection is looked up where the stack has it: EventBridge's
DescribeConnection, then the secret that it names in Secrets Manager. `Endpoints.connections` comes before both: it maps a connection's ARN
or name to the headers that it stands for. A connection without secrets of its own adds nothing to the request. OAuth connections are taken
from `Endpoints.connections` only. Source: AWS's developer guide, "Call HTTPS APIs in Step Functions workflows".
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from urllib.parse import quote, urlencode

from stepstack.integrations.endpoints import EndpointMissing, Endpoints
from stepstack.integrations.http_client import CallTimedOut, ConnectionFailed, HttpClient
from stepstack.integrations.http_message import answer, header_list, query_text, request_body, status_text
from stepstack.integrations.service_call import Refusal, ServiceCaller, Unreachable
from stepstack.interpreter.ports import TaskFailed
from stepstack.json_types import Json, JsonObject, json_text, parse_json

__all__ = ["HttpEndpoints"]

TIMEOUT_SECONDS = 60.0
ANSWER_LIMIT = 256 * 1024


class HttpEndpoints:
    """Calls HTTP APIs."""

    def __init__(self, http: HttpClient, endpoints: Endpoints, caller: ServiceCaller) -> None:
        self._http = http
        self._endpoints = endpoints
        self._caller = caller

    async def invoke(self, parameters: JsonObject) -> Json:
        """The API's answer. Raises TaskFailed where its status is 400 or more, or none comes."""
        url = str(parameters["ApiEndpoint"])
        if not url.startswith(("http://", "https://")):
            raise TaskFailed("States.Runtime", f"The ApiEndpoint '{url}' is not a URL.")
        query = query_text(parameters.get("QueryParameters"))
        if query:
            url += ("&" if "?" in url else "?") + query
        content, content_type = _encoded_body(parameters)
        headers = header_list(parameters.get("Headers"))
        headers += await self._authorization(_connection_arn(parameters))
        names = {name.lower() for name, _ in headers}
        if content_type is not None and "content-type" not in names:
            headers.append(("Content-Type", content_type))
        if "user-agent" not in names:
            headers.append(("User-Agent", f"Amazon|StepFunctions|HttpInvoke|{self._endpoints.region}"))
        try:
            response = await self._http.request(
                str(parameters["Method"]), url, headers, content, timeout_seconds=TIMEOUT_SECONDS, body_limit=ANSWER_LIMIT
            )
        except (ConnectionFailed, CallTimedOut) as error:
            raise TaskFailed("States.Http.Socket", str(error).removeprefix("Unable to execute HTTP request: ")) from error
        if response.status >= 400:
            cause = response.body.decode("utf-8", "replace") or status_text(response)
            raise TaskFailed(f"States.Http.StatusCode.{response.status}", cause)
        return answer(response)

    async def _authorization(self, connection_arn: str) -> list[tuple[str, str]]:
        name = connection_arn.rpartition(":connection/")[2].partition("/")[0]
        given = self._endpoints.connections.get(connection_arn) or self._endpoints.connections.get(name)
        if given is not None:
            return list(given.items())
        try:
            reply = await self._caller.call("events", "DescribeConnection", {"Name": name})
            secret_arn = reply.content.get("SecretArn")
            if not secret_arn:
                return []
            secret = await self._caller.call("secretsmanager", "GetSecretValue", {"SecretId": secret_arn})
        except (EndpointMissing, Refusal, Unreachable) as error:
            raise TaskFailed("States.Runtime", f"The connection '{connection_arn}' cannot be resolved: {error}") from error
        return _secret_headers(secret.content.get("SecretString") or "{}")


def _connection_arn(parameters: JsonObject) -> str:
    for field in ("Authentication", "InvocationConfig"):
        holder = parameters.get(field)
        if isinstance(holder, Mapping) and isinstance(holder.get("ConnectionArn"), str):
            return str(holder["ConnectionArn"])
    return ""


def _secret_headers(text: str) -> list[tuple[str, str]]:
    """The headers that EventBridge's secret of a connection stands for."""
    try:
        secret = parse_json(text)
    except ValueError:
        return []
    if not isinstance(secret, Mapping):
        return []
    if "api_key_name" in secret:
        return [(str(secret["api_key_name"]), str(secret.get("api_key_value", "")))]
    if "username" in secret:
        pair = f"{secret['username']}:{secret.get('password', '')}"
        return [("Authorization", "Basic " + base64.b64encode(pair.encode()).decode("ascii"))]
    return []


def _encoded_body(parameters: JsonObject) -> tuple[bytes, str | None]:
    body = parameters.get("RequestBody")
    transform = parameters.get("Transform")
    if isinstance(transform, Mapping) and transform.get("RequestBodyEncoding") == "URL_ENCODED" and isinstance(body, Mapping):
        options = transform.get("RequestEncodingOptions")
        array_format = options.get("ArrayFormat") if isinstance(options, Mapping) else None
        pairs = [pair for name, value in body.items() for pair in _form_pairs(name, value, str(array_format or "INDICES"))]
        return urlencode(pairs, quote_via=quote).encode(), "application/x-www-form-urlencoded"
    return request_body(body)


def _form_pairs(name: str, value: Json, array_format: str) -> Iterator[tuple[str, str]]:
    """`{"a": {"b": [1, 2]}}` is `a[b][0]=1&a[b][1]=2`; lists as `array_format` says."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _form_pairs(f"{name}[{key}]", item, array_format)
    elif isinstance(value, (list, tuple)):
        if array_format == "COMMAS":
            yield name, ",".join(map(_form_text, value))
            return
        for index, item in enumerate(value):
            key = {"REPEAT": name, "BRACKETS": f"{name}[]"}.get(array_format, f"{name}[{index}]")
            yield from _form_pairs(key, item, array_format)
    else:
        yield name, _form_text(value)


def _form_text(value: Json) -> str:
    return value if isinstance(value, str) else json_text(value)
