"""AWS Signature Version 4 for JSON requests, in a few dozen microseconds: the signing key of a day is computed once.

Called by the direct path to DynamoDB. Every other call is signed by botocore, which knows each service's peculiarities.
Source: the IAM user guide, "Create a signed AWS API request".
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac

from stepstack.integrations.credentials import Credentials

__all__ = ["JsonSigner"]


class JsonSigner:
    """Signs POST requests to the path `/` of one service in one region."""

    def __init__(self, service: str, region: str) -> None:
        self._service = service
        self._region = region
        self._key: tuple[Credentials, str, bytes] | None = None

    def headers(self, host: str, target: str, content_type: str, body: bytes, credentials: Credentials) -> list[tuple[str, str]]:
        """All headers of the request, Authorization among them."""
        # A signature is dated with the time of the world: a skipped or scaled clock would make it invalid.
        moment = dt.datetime.now(dt.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
        day = moment[:8]
        signed = [("content-type", content_type), ("host", host), ("x-amz-date", moment)]
        if credentials.session_token:
            signed.append(("x-amz-security-token", credentials.session_token))
        signed.append(("x-amz-target", target))
        names = ";".join(name for name, _ in signed)
        lines = "".join(f"{name}:{value}\n" for name, value in signed)
        request = f"POST\n/\n\n{lines}\n{names}\n{hashlib.sha256(body).hexdigest()}"
        scope = f"{day}/{self._region}/{self._service}/aws4_request"
        text = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
        signature = hmac.new(self._signing_key(credentials, day), text.encode(), hashlib.sha256).hexdigest()
        credential = f"{credentials.access_key}/{scope}"
        signed.append(("authorization", f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={signature}"))
        return signed

    def _signing_key(self, credentials: Credentials, day: str) -> bytes:
        if self._key is None or self._key[0] != credentials or self._key[1] != day:
            key = f"AWS4{credentials.secret_key}".encode()
            for part in (day, self._region, self._service, "aws4_request"):
                key = hmac.new(key, part.encode(), hashlib.sha256).digest()
            self._key = (credentials, day, key)
        return self._key[2]
