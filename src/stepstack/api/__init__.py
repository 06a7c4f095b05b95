"""The HTTP face of the service: `create_app` (ASGI) and the server that carries it (`stepstack.api.server`)."""

from stepstack.api.app import create_app

__all__ = ["create_app"]
