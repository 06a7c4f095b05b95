"""Containers that a whole run shares: started once, stopped by the controller. A `docker` of ours writes down what it is asked."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from stepstack.clock import Deadline
from stepstack.pytest_plugin.abandoned_services import Watcher

DOCKER = """#!{python}
import json, os, pathlib, sys
words = sys.argv[1:]
if "--project-name" in words:
    words = words[words.index("--project-name") + 2 :]
    words = words[2:] if words[0] == "--profile" else words
    with open(os.environ["DOCKER_LOG"], "a") as log:
        log.write(words[0] + "\\n")
    up = pathlib.Path(os.environ["DOCKER_LOG"] + ".up")
    up.touch() if words[0] == "up" else up.unlink(missing_ok=True)
"""

SUITE = """
import os
import pytest

{marker}
@pytest.mark.parametrize("number", range(6))
def test_lists(stepfunctions, dynamodb, stepstack, number):
    assert stepfunctions.list_state_machines()["stateMachines"] == []
    assert dynamodb.list_tables()["TableNames"] == []
    assert set(stepstack.endpoints) == {{"stepfunctions", "dynamodb"}}
"""

WAITING = """
import pathlib, threading

def test_waits(stepfunctions):
    pathlib.Path("waits").touch()
    threading.Event().wait(60)
"""


class Service(BaseHTTPRequestHandler):
    """Both services at one port, for as long as "docker" says that they are up."""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        is_up = self.server.up.exists()
        body = b'{"stateMachines": [], "TableNames": []}' if is_up else b"down"
        self.send_response(200 if is_up else 503)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_words):
        pass


@pytest.fixture
def containers(pytester, monkeypatch):
    """A machine with our `docker`; the list that it returns grows by the commands that it was given."""
    log = pytester.path / "docker.log"
    command = pytester.mkdir("bin") / "docker"
    command.write_text(DOCKER.format(python=sys.executable))
    command.chmod(command.stat().st_mode | stat.S_IXUSR)
    (pytester.path / "docker-compose.yml").touch()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    server.up = log.with_name("docker.log.up")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setenv("PATH", f"{command.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("DOCKER_LOG", str(log))
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.delenv("STEPSTACK_KEEP_UP", raising=False)
    for variable in ("STEPFUNCTIONS_PORT", "DYNAMODB_PORT", "DYNALITE_PORT", "STEPSTACK_PORT"):
        monkeypatch.setenv(variable, str(server.server_port))
    yield lambda: log.read_text().split() if log.exists() else []
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def run(pytester):
    def start(suite, *words):
        pytester.makepyfile(test_suite=suite)
        return pytester.runpytest_subprocess("-p", "stepstack.pytest_plugin", "-p", "xdist.plugin", *words, timeout=90)

    return start


@pytest.mark.parametrize(
    ("backend", "words"),
    [("local", []), ("local", ["-n", "3"]), ("dynalite", []), ("stepstack", [])],
    ids=["local", "local, xdist", "dynalite", "stepstack"],
)
def test_an_options_backend_is_brought_up_once_and_taken_down(run, containers, backend, words):
    run(SUITE.format(marker=""), "--stepstack-backend", backend, *words).assert_outcomes(passed=6)

    assert containers() == ["up", "down"]


def test_a_markers_backend_is_brought_up_by_the_first_worker_and_taken_down(run, containers):
    run(SUITE.format(marker="@pytest.mark.stepstack(backend='local')"), "-n", "3").assert_outcomes(passed=6)

    assert containers() == ["up", "down"]


def test_services_that_are_up_are_only_used(run, containers, pytester):
    (pytester.path / "docker.log.up").touch()

    run(SUITE.format(marker=""), "--stepstack-backend=local", "-n", "2").assert_outcomes(passed=6)

    assert containers() == []


def test_nothing_is_brought_up_for_a_collection(run, containers):
    run(SUITE.format(marker=""), "--stepstack-backend=local", "--collect-only")

    assert containers() == []


def test_failing_tests_leave_nothing_up(run, containers):
    run("def test_fails(stepfunctions): assert 0", "--stepstack-backend=local").assert_outcomes(failed=1)

    assert containers() == ["up", "down"]


class WaitingRun:
    """A run of pytest whose only test waits; `process` is its controller."""

    def __init__(self, pytester, suite, *words):
        pytester.makepyfile(test_suite=suite)
        self.temporary = pytester.mkdir("temporary")
        plugins = ["-p", "stepstack.pytest_plugin", "-p", "xdist.plugin"]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "pytest", *plugins, *words],
            cwd=pytester.path,
            env={**os.environ, "TMPDIR": str(self.temporary)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.deadline = Deadline(60)

    def wait_for(self, condition):
        while not condition() and not self.deadline.has_passed():
            self.deadline.pause(0.02)
        return condition()

    def folders(self):
        """What the run shares lies there."""
        return list(self.temporary.glob("stepstack-*"))

    def kill(self):
        self.process.kill()
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
@pytest.mark.parametrize("words", [[], ["-n", "1"]], ids=["alone", "xdist"])
def test_an_interrupted_run_leaves_nothing_up(pytester, containers, number, words):
    with WaitingRun(pytester, WAITING, "--stepstack-backend=local", *words) as run:
        assert run.wait_for((pytester.path / "waits").exists)
        run.process.send_signal(number)
        assert run.process.wait(60) == pytest.ExitCode.INTERRUPTED

    assert containers() == ["up", "down"]
    assert run.folders() == []


MARKED = f"import pytest\n\npytestmark = pytest.mark.stepstack(backend='local')\n{WAITING}"


@pytest.mark.parametrize(
    ("suite", "words"),
    [(WAITING, ["--stepstack-backend=local"]), (WAITING, ["--stepstack-backend=local", "-n", "1"]), (MARKED, ["-n", "1"])],
    ids=["alone", "xdist", "brought up by a worker"],
)
def test_a_killed_run_leaves_nothing_up(pytester, containers, suite, words):
    with WaitingRun(pytester, suite, *words) as run:
        assert run.wait_for((pytester.path / "waits").exists)
        run.kill()
        assert run.wait_for(lambda: not run.folders())

    assert containers() == ["up", "down"]


def test_a_run_that_is_killed_while_containers_start_leaves_nothing_up(pytester, containers):
    command = pytester.path / "bin" / "docker"
    endless = 'if words[0] == "up": import time; pathlib.Path("starts").write_text(str(os.getpid())); time.sleep(60)\n'
    command.write_text(f"{command.read_text()}    {endless}")
    with WaitingRun(pytester, WAITING, "--stepstack-backend=local") as run:
        assert run.wait_for(lambda: (pytester.path / "starts").exists() and (pytester.path / "starts").read_text())
        run.kill()
        assert run.wait_for(lambda: not run.folders())

    assert containers() == ["up", "down"]
    with pytest.raises(ProcessLookupError):
        os.kill(int((pytester.path / "starts").read_text()), 0)


@pytest.fixture
def watched(tmp_path):
    """What a run shares lies there: one claim, of a backend that was found running."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "local.claim").touch()
    return tmp_path / "run"


def test_the_end_of_a_run_waits_for_no_child_that_a_test_has_left(watched):
    watcher = Watcher(watched, os.getpid())
    held = os.dup(watcher._process.stdin.fileno())
    watcher.end()
    os.close(held)

    assert watcher._process.returncode == 0
    assert not watched.exists()


@pytest.mark.parametrize("text", ["", "{somebody}"], ids=["nothing yet", "an id that is somebody else's by now"])
def test_what_a_killed_run_has_noted_ends_nobody_else(watched, text):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    with subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE) as somebody:
        (watched / "local.start").write_text(text.format(somebody=somebody.pid))
        watcher = Watcher(watched, ended.pid)
        assert watcher._process.wait(60) == 0
        assert somebody.poll() is None
    assert not watched.exists()


def test_workers_that_want_two_compositions_of_a_backend_do_not_share_one(run, containers):
    suite = """
import pytest

@pytest.mark.stepstack(backend="local", mock_file="one")
def test_one(stepstack): pass

@pytest.mark.stepstack(backend="local", mock_file="two")
def test_two(stepstack): pass
"""
    result = run(suite, "-n", "2")

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["stepstack: mock_file is *, and another worker has *: a run brings the backend local up once; *"])
    assert containers() == ["up", "down"]


def test_time_and_mock_file_reach_the_compose_file(pytester, containers):
    command = pytester.path / "bin" / "docker"
    told = 'if words[0] == "up": open(os.environ["DOCKER_LOG"] + ".told", "w").write(json.dumps(dict(os.environ)))\n'
    command.write_text(command.read_text().replace("    with open", f"    {told}    with open"))
    pytester.makepyfile(test_suite="def test_lists(stepfunctions): pass")

    options = ["--stepstack-backend=local", "--stepstack-time=0.01", "--stepstack-mock-file=mocks.json"]
    pytester.runpytest_subprocess("-p", "stepstack.pytest_plugin", *options, timeout=60).assert_outcomes(passed=1)

    environment = json.loads((pytester.path / "docker.log.told").read_text())
    assert environment["WAIT_TIME_SCALE"] == "0.01"
    assert environment["MOCK_CONFIG_FILE"] == str(pytester.path / "mocks.json")
    assert environment["SFN_MOCK_CONFIG"] == "/home/StepFunctionsLocal/MockConfigFile.json"
