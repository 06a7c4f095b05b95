"""`apigateway:invoke`: calls an API behind API Gateway, or behind whatever stands for it locally.

Called by the runner. `ApiEndpoint` is a host name on AWS. Here it may also be a URL (`http://127.0.0.1:3000`), which is called as it is; a
host of AWS is called at the URL of the variable AWS_ENDPOINT_URL_EXECUTE_API, with the host in the Host header, or, where calls to AWS are
allowed, at AWS. Source: AWS's developer guide, "Invoke API Gateway endpoints", and recorded answers.
"""

from __future__ import annotations

from urllib.parse import quote

from stepstack.integrations.endpoints import ALLOW_AWS, EndpointMissing, Endpoints
from stepstack.integrations.http_client import CallTimedOut, ConnectionFailed, HttpClient
from stepstack.integrations.http_message import answer, header_list, query_text, request_body
from stepstack.interpreter.ports import TaskFailed
from stepstack.json_types import Json, JsonObject, without_nulls

__all__ = ["ApiGateway"]

TIMEOUT_SECONDS = 60.0
SIGNING_NAME = "execute-api"


class ApiGateway:
    """Calls REST and HTTP APIs."""

    def __init__(self, http: HttpClient, endpoints: Endpoints) -> None:
        self._http = http
        self._endpoints = endpoints

    async def invoke(self, parameters: JsonObject) -> Json:
        """The API's answer. Raises TaskFailed where its status is 400 or more."""
        base, host = await self._base(str(parameters["ApiEndpoint"]))
        url = base + _target(parameters)
        body = parameters.get("RequestBody")
        content, content_type = request_body(body if parameters.get("AllowNullValues") is True else without_nulls(body))
        headers = header_list(parameters.get("Headers"))
        names = {name.lower() for name, _ in headers}
        if content_type is not None and "content-type" not in names:
            headers.append(("Content-Type", content_type))
        if host is not None:
            headers.append(("Host", host))
        method = str(parameters["Method"])
        if parameters.get("AuthType") == "IAM_ROLE":
            headers = await self._signed(method, url, headers, content)
        try:
            response = await self._http.request(method, url, headers, content, timeout_seconds=TIMEOUT_SECONDS)
        except (ConnectionFailed, CallTimedOut) as error:
            raise TaskFailed("ApiGateway.SdkClientException", str(error)) from error
        if response.status >= 400:
            raise TaskFailed(f"ApiGateway.{response.status}", response.body.decode("utf-8", "replace"))
        return answer(response)

    async def _base(self, api_endpoint: str) -> tuple[str, str | None]:
        """The URL before the stage, and the Host header where it is not the URL's own."""
        if api_endpoint.startswith(("http://", "https://")):
            return api_endpoint.rstrip("/"), None
        url = self._endpoints.urls.get(SIGNING_NAME)
        if url is not None:
            return url, api_endpoint
        if self._endpoints.allow_aws:
            return f"https://{api_endpoint}", None
        raise EndpointMissing(
            f"No endpoint is known for the API '{api_endpoint}': give its URL as ApiEndpoint, set AWS_ENDPOINT_URL_EXECUTE_API to the URL "
            f"of a stand-in for API Gateway, or {ALLOW_AWS}=1 to call AWS itself"
        )

    async def _signed(self, method: str, url: str, headers: list[tuple[str, str]], content: bytes) -> list[tuple[str, str]]:
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.credentials import Credentials

        keys = await self._endpoints.endpoint("apigateway")
        request = AWSRequest(method=method, url=url, data=content)
        for name, value in headers:
            request.headers.add_header(name, value)  # which keeps those of the same name
        SigV4Auth(
            Credentials(keys.credentials.access_key, keys.credentials.secret_key, keys.credentials.session_token), SIGNING_NAME, keys.region
        ).add_auth(request)
        return [(name, str(value)) for name, value in request.headers.items()]


def _target(parameters: JsonObject) -> str:
    parts = [str(parameters[name]).strip("/") for name in ("Stage", "Path") if parameters.get(name)]
    target = "".join("/" + quote(part, safe="/%:@!$&'()*+,;=~-._") for part in parts)
    query = query_text(parameters.get("QueryParameters"))
    return f"{target}?{query}" if query else target
