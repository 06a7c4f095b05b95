"""A crowd of connections at a server that may open a tenth as many files: others are still answered, and nothing dies.

Half of the crowd says nothing, half sends the beginning of a request and no more. A well-behaved client comes every so often, on a new
connection. The server closes those of the crowd that have been idle the longest.
"""

from __future__ import annotations

import resource
import socket
import time
from collections.abc import Iterator
from http.client import HTTPConnection

from server_process import ServerProcess, stepstack_server
from sizes import Size
from tables import Row, Table, count, median, milliseconds, percentile

__all__ = ["measure"]

VISITS = 100
"""How often the well-behaved client comes."""

BEGINNING = b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Amz-Target: AWSStepFunctions.ListActivities\r\nContent-"
TARGET = {"X-Amz-Target": "AWSStepFunctions.ListActivities"}


def measure(size: Size) -> Iterator[Table]:
    files = max(size.crowd // 10, 200)
    _allow_files(size.crowd + 200)
    with stepstack_server(files=files) as server:
        before = server.memory_megabytes()
        crowd: list[socket.socket] = []
        latencies = []
        for number in range(size.crowd):
            crowd.append(_connected(server, number))
            if number % max(size.crowd // VISITS, 1) == 0:
                latencies.append(_visit(server))
        most = server.memory_megabytes()
        open_still = sum(map(_is_open, crowd))
        for one in crowd:
            one.close()
        latencies.append(_visit(server))
    rows = [
        Row("connections that the server keeps of them", count(open_still), aim=f"< {count(files)}", met=open_still < files),
        Row("a call on a new connection meanwhile", milliseconds(median(latencies)), milliseconds(percentile(latencies, 0.99))),
        Row("calls that were not answered", "0", aim="0", met=True),
        Row("memory of the server before, at most", f"{before:.0f}, {most:.0f} MB"),
    ]
    yield Table(f"{count(size.crowd)} connections to a server that may open {count(files)} files", rows)


def _allow_files(wanted: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard), hard))


def _connected(server: ServerProcess, number: int) -> socket.socket:
    made = socket.create_connection(("127.0.0.1", server.port), timeout=10)
    if number % 2:
        made.sendall(BEGINNING)
    made.setblocking(False)
    return made


def _visit(server: ServerProcess) -> float:
    """How long a call on a new connection takes; it must succeed."""
    begin = time.perf_counter()
    client = HTTPConnection("127.0.0.1", server.port, timeout=10)
    client.request("POST", "/", b"{}", TARGET)
    assert client.getresponse().status == 200
    client.close()
    return time.perf_counter() - begin


def _is_open(one: socket.socket) -> bool:
    try:
        return one.recv(1) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False
