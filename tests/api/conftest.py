"""The server on a socket, in a thread of this process."""

from __future__ import annotations

import socket

import pytest

from stepstack.assembly import Settings, embedded_stack


class RawClient:
    """A connection on which bytes are sent as they are."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.ahead = b""

    def send(self, data):
        self.socket.sendall(data)

    def end_sending(self):
        self.socket.shutdown(socket.SHUT_WR)

    def received(self):
        """All that comes until the server closes the connection."""
        parts = [self.ahead]
        while part := self.socket.recv(65_536):
            parts.append(part)
        return b"".join(parts)

    def answer(self):
        """One answer: its status and its body."""
        data = self.ahead
        while b"\r\n\r\n" not in data:
            data += self._some()
        head, _, body = data.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        while len(body) < length:
            body += self._some()
        self.ahead = body[length:]
        return int(head[9:12]), body[:length]

    def _some(self):
        part = self.socket.recv(65_536)
        assert part, "the server closed the connection"
        return part

    def close(self):
        self.socket.close()


def request(operation="ListActivities", body=b"{}", *headers):
    lines = [
        b"POST / HTTP/1.1",
        b"Host: 127.0.0.1",
        b"X-Amz-Target: AWSStepFunctions." + operation.encode(),
        b"Content-Length: %d" % len(body),
        *headers,
    ]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


@pytest.fixture(scope="module")
def stack():
    with embedded_stack(Settings.from_environment({}, scale=0.0), with_services=False) as running:
        yield running


@pytest.fixture
def connect(stack):
    clients = []

    def make(port=stack.port):
        clients.append(RawClient(port))
        return clients[-1]

    yield make
    for client in clients:
        client.close()
