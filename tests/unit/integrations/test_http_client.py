import asyncio
import contextlib
import datetime as dt
import socket
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from stepstack.integrations import http_client
from stepstack.integrations.http_client import CallTimedOut, ConnectionFailed, HttpClient, split_url


@pytest.fixture
def serving(local_server):
    """Opens both ends; entered, it gives the client and the server."""

    @contextlib.asynccontextmanager
    async def make(answer, **settings):
        client = HttpClient(**settings)
        async with local_server(answer) as server:
            try:
                yield client, server
            finally:
                await client.close()

    return make


def echo(request):
    return 200, request.body, {"X-Target": request.target}


async def never(_request):
    await asyncio.Event().wait()


def test_sends_method_target_headers_and_body_and_reads_status_headers_and_body(serving):
    async def scenario():
        async with serving(echo) as (client, server):
            response = await client.request("PUT", f"{server.url}/a/b?c=d", [("X-One", "1")], b"body", timeout_seconds=5)
            assert (response.status, response.reason, response.body) == (200, "Words", b"body")
            assert response.header("x-target") == "/a/b?c=d"
            assert response.header("x-none") is None
            assert server.requests[0].method == "PUT"
            assert server.requests[0].headers["x-one"] == "1"
            assert server.requests[0].headers["host"] == f"127.0.0.1:{server.port}"

    asyncio.run(scenario())


def test_requests_one_after_the_other_use_one_connection(serving):
    async def scenario():
        async with serving(echo) as (client, server):
            for _ in range(5):
                await client.request("POST", server.url, [], b"x", timeout_seconds=5)
            assert server.connections == 1

    asyncio.run(scenario())


def test_requests_at_once_use_no_more_connections_than_allowed(serving):
    waiting = []

    async def in_threes(request):
        if len(waiting) < 2:
            waiting.append(asyncio.Event())
            await waiting[-1].wait()
        else:
            for event in waiting:
                event.set()
            waiting.clear()
        return 200, request.body

    async def scenario():
        async with serving(in_threes, connections_per_origin=3) as (client, server):
            bodies = [str(number).encode() for number in range(12)]
            calls = (client.request("POST", server.url, [], body, timeout_seconds=5) for body in bodies)
            assert [response.body for response in await asyncio.gather(*calls)] == bodies
            assert server.connections == 3

    asyncio.run(scenario())


def test_a_body_of_many_megabytes_goes_and_comes_whole(serving):
    body = bytes(range(256)) * 40_000

    async def scenario():
        async with serving(echo) as (client, server):
            response = await client.request("POST", server.url, [], body, timeout_seconds=30)
            assert response.body == body

    asyncio.run(scenario())


def test_a_connection_that_the_server_closes_after_its_answer_is_replaced(serving):
    async def scenario():
        async with serving(lambda request: (200, request.body, {"Connection": "close"})) as (client, server):
            for _ in range(3):
                assert (await client.request("POST", server.url, [], b"x", timeout_seconds=5)).body == b"x"
            assert server.connections == 3

    asyncio.run(scenario())


def test_a_kept_connection_that_is_closed_on_the_next_request_is_replaced(serving):
    def once_each(_request):
        once_each.answered += 1
        return b"" if once_each.answered == 2 else (200, b"y")

    once_each.answered = 0

    async def scenario():
        async with serving(once_each) as (client, server):
            for _ in range(2):
                assert (await client.request("POST", server.url, [], b"x", timeout_seconds=5)).body == b"y"
            assert server.connections == 2

    asyncio.run(scenario())


def test_a_fresh_connection_that_breaks_is_not_tried_again(serving):
    async def scenario():
        async with serving(lambda _request: b"") as (client, server):
            with pytest.raises(ConnectionFailed, match="without an answer"):
                await client.request("POST", server.url, [], b"x", timeout_seconds=5)
            assert len(server.requests) == 1

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("raw", "body"),
    [
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: 1\r\n\r\n", b"abcde", id="chunks"
        ),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\nuntil the end", b"until the end", id="until the connection ends"),
        pytest.param(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nz", b"z", id="after an interim answer"),
        pytest.param(b"HTTP/1.1 204 No Content\r\n\r\n", b"", id="no content"),
        pytest.param(b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", b"ok", id="HTTP 1.0"),
    ],
)
def test_reads_bodies_of_every_framing(serving, raw, body):
    async def scenario():
        async with serving(lambda _request: raw) as (client, server):
            assert (await client.request("GET", server.url, [], timeout_seconds=5)).body == body

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        pytest.param(b"SSH-2.0-OpenSSH\r\n\r\n", "not HTTP", id="another protocol"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n", "'many'", id="a length that is no number"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "'-1'", id="a negative length"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", "Unable to execute", id="a body that ends early"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n", "longer than 1000 bytes", id="a body over the limit"),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 5000, "longer than 1000 bytes", id="an endless body"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfff\r\n", "longer than 1000 bytes", id="a chunk over the limit"
        ),
        pytest.param(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100_000 + b"\r\n", "too long", id="an endless head"),
    ],
)
def test_a_broken_answer_is_one_clear_failure(serving, raw, words):
    async def scenario():
        async with serving(lambda _request: raw) as (client, server):
            with pytest.raises(ConnectionFailed, match=words):
                await client.request("GET", server.url, [], timeout_seconds=5, body_limit=1000)

    asyncio.run(scenario())


def test_an_answer_that_does_not_come_ends_with_the_timeout(serving):
    async def scenario():
        async with serving(never) as (client, server):
            with pytest.raises(CallTimedOut, match="Read timed out"):
                await client.request("GET", server.url, [], timeout_seconds=0.05)

    asyncio.run(scenario())


def test_a_cancelled_request_leaves_its_place_to_the_next(serving):
    arrived = asyncio.Event()

    async def only_the_second(request):
        if request.target == "/first":
            arrived.set()
            await never(request)
        return 200, b"second"

    async def scenario():
        async with serving(only_the_second, connections_per_origin=1) as (client, server):
            task = asyncio.create_task(client.request("GET", f"{server.url}/first", [], timeout_seconds=30))
            await arrived.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert (await client.request("GET", server.url, [], timeout_seconds=5)).body == b"second"
            assert server.connections == 2

    asyncio.run(scenario())


@pytest.mark.parametrize("is_free", [False, True], ids=["while it waits", "as its place becomes free"])
def test_a_request_that_is_cancelled_before_it_has_a_place_takes_none(serving, is_free):
    arrived, release = asyncio.Event(), asyncio.Event()

    async def held(request):
        if request.target == "/first":
            arrived.set()
            await release.wait()
        return 200, b"answer"

    async def scenario():
        async with serving(held, connections_per_origin=1) as (client, server):
            first = asyncio.create_task(client.request("GET", f"{server.url}/first", [], timeout_seconds=30))
            await arrived.wait()
            second = asyncio.create_task(client.request("GET", server.url, [], timeout_seconds=5))
            await asyncio.sleep(0)
            if is_free:
                release.set()
                await first
            second.cancel()
            with pytest.raises(asyncio.CancelledError):
                await second
            release.set()
            assert (await first).body == (await client.request("GET", server.url, [], timeout_seconds=5)).body == b"answer"

    asyncio.run(scenario())


def test_a_request_waits_for_a_place_only_so_long(serving, monkeypatch):
    monkeypatch.setattr(http_client, "PLACE_SECONDS", 0.05)
    arrived = asyncio.Event()

    async def first_never(request):
        if request.target == "/first":
            arrived.set()
            await never(request)
        return 200, b"answer"

    async def scenario():
        async with serving(first_never, connections_per_origin=1) as (client, server):
            first = asyncio.create_task(client.request("GET", f"{server.url}/first", [], timeout_seconds=30))
            await arrived.wait()
            with pytest.raises(CallTimedOut, match=r"no connection to 127\.0\.0\.1:\d+ became free in 0\.05 seconds"):
                await client.request("GET", server.url, [], timeout_seconds=5)
            first.cancel()
            await asyncio.gather(first, return_exceptions=True)
            assert (await client.request("GET", server.url, [], timeout_seconds=5)).body == b"answer"

    asyncio.run(scenario())


def test_connections_to_the_origins_asked_longest_ago_are_let_go(local_server, monkeypatch):
    monkeypatch.setattr(http_client, "ORIGINS_KEPT", 2)

    async def scenario():
        async with local_server(echo) as one, local_server(echo) as two, local_server(echo) as three:
            client = HttpClient()
            for server in (one, two, one, three, one, two):
                await client.request("POST", server.url, [], b"x", timeout_seconds=5)
            await client.close()
            return one.connections, two.connections, three.connections

    assert asyncio.run(scenario()) == (1, 2, 1)


def test_a_port_where_nobody_listens_is_told_in_the_words_of_the_sdk():
    async def scenario(port):
        with pytest.raises(ConnectionFailed) as failure:
            await HttpClient().request("GET", f"http://127.0.0.1:{port}/", [], timeout_seconds=5)
        assert str(failure.value) == (
            f"Unable to execute HTTP request: Connect to 127.0.0.1:{port} failed: Connection refused (Connection refused)"
        )

    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        asyncio.run(scenario(holder.getsockname()[1]))


@pytest.mark.parametrize("url", ["ftp://x/", "http://", "nonsense", "http://[::1/"])
def test_a_url_that_is_none_is_refused(url):
    with pytest.raises(ConnectionFailed, match="Invalid URL"):
        split_url(url)


@pytest.mark.parametrize(
    ("url", "authority", "target"),
    [
        ("http://a:80/b?c", "a", "/b?c"),
        ("https://a", "a", "/"),
        ("https://a:8443/x#part", "a:8443", "/x"),
        ("http://[::1]:8000/", "[::1]:8000", "/"),
        ("http://a?q=1", "a", "/?q=1"),
    ],
)
def test_a_url_is_split_into_origin_and_target(url, authority, target):
    origin, asked = split_url(url)
    assert (origin.authority, asked) == (authority, target)


def test_a_line_break_in_a_header_is_refused():
    async def scenario():
        with pytest.raises(ConnectionFailed, match="line break"):
            await HttpClient().request("GET", "http://127.0.0.1:9/", [("X", "a\r\nY: b")], timeout_seconds=1)

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("method", "url"),
    [("GET", "http://127.0.0.1:9/a\r\nX: y"), ("GET / HTTP/1.1\r\nX: y\r\n\r\nGET", "http://127.0.0.1:9/")],
    ids=["in the URL", "in the method"],
)
def test_no_line_break_makes_two_requests_of_one(method, url):
    async def scenario():
        with pytest.raises(ConnectionFailed, match="line break"):
            await HttpClient().request(method, url, [], timeout_seconds=1)

    asyncio.run(scenario())


def test_a_certificate_for_which_nobody_vouches_is_refused(tmp_path):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(self_signed(tmp_path / "certificate.pem"))

    async def close(_reader, writer):
        writer.close()

    async def scenario():
        server = await asyncio.start_server(close, "127.0.0.1", 0, ssl=context)
        async with server:
            port = server.sockets[0].getsockname()[1]
            with pytest.raises(ConnectionFailed, match="certificate"):
                await HttpClient().request("GET", f"https://127.0.0.1:{port}/", [], timeout_seconds=5)

    asyncio.run(scenario())


def self_signed(path):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    form = serialization.PrivateFormat.PKCS8
    encoding = serialization.Encoding.PEM
    path.write_bytes(key.private_bytes(encoding, form, serialization.NoEncryption()) + certificate.public_bytes(encoding))
    return path


@pytest.fixture
def silent():
    """The URL of a server that takes connections and says nothing, not even TLS's greeting; and its socket."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(5)
        yield f"https://127.0.0.1:{server.getsockname()[1]}", server


def test_a_connection_that_is_not_made_in_time_is_given_up_and_closed(silent):
    url, server = silent

    async def scenario():
        client = HttpClient()
        with pytest.raises(CallTimedOut, match="connect timed out"):
            await client.request("GET", url, [], timeout_seconds=0.05)
        await client.close()

    asyncio.run(scenario())
    assert_closed(server)


def test_a_connection_whose_request_is_cancelled_is_closed(silent):
    url, server = silent

    async def scenario():
        client = HttpClient()
        request = asyncio.ensure_future(client.request("GET", url, [], timeout_seconds=20))
        connection, _ = await asyncio.to_thread(server.accept)
        request.cancel()
        with pytest.raises(asyncio.CancelledError):
            await request
        await client.close()
        return connection

    drained(asyncio.run(scenario()))


def assert_closed(server):
    drained(server.accept()[0])


def drained(connection):
    """Reads what the client has sent, to its end."""
    with connection:
        connection.settimeout(5)
        with contextlib.suppress(ConnectionResetError):
            while connection.recv(65536):
                pass
