"""Every fenced block of the documentation is run, or checked where running it would need containers.

The first line of a block says how, behind the language: ```` ```sh client ````. A block that says nothing known fails the test.

    python test    a file of tests, run by pytest on the embedded stack
    python script  a program
    sh server      a command that stays in the foreground; started, for the client blocks of its page where it has some, on free ports
    sh client      commands of the AWS CLI for that server
    sh run         commands run in a copy of the root's files; a command that ends with 1 (an execution failed) has done its work
    sh commands    commands of tox and Compose: the environments, services, options and files that they name exist
    json           a mock file
    text           shown

A page in steps is followed from its beginning to its end, in a folder of its own that is empty at first (pages of the root find the root's
definition there):

    python file NAME, json file NAME, ...    a file, written into the folder; `more` in place of `file` adds to it
    sh session     commands run in the folder, one after the other; behind a command that does not end with 0 stands `# ends with 1`
    text output    what the commands before said, in this order; `...` stands for anything, also for whole lines
    sh background  `stepstack up`, running until the page ends; its usual ports mean free ones here
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from stepstack.clock import Deadline
from stepstack.integrations.mock_file import MockFile
from stepstack.stacks.readiness import wait_until_ready
from stepstack.stacks.sdk_variables import NO_ACCOUNT

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
KINDS = {"python test", "python script", "sh server", "sh client", "sh run", "sh commands", "json", "text"}
STEP = re.compile(r"(?:python|json|yaml|toml|ini|js) (file|more) ([\w./-]+)|sh (session)|text (output)|sh (background)")
DURABLE_SDK = "aws_durable_execution_sdk_python"
TOX_ENVIRONMENT = re.compile(r"embedded|local|dynalite|stepstack|aws|lint|type|unit|lowest|py31[0-3]")


@dataclass(frozen=True)
class Block:
    page: Path
    line: int
    kind: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks_of(page: Path) -> Iterator[Block]:
    lines = page.read_text(encoding="utf-8").splitlines()
    start = None
    for number, line in enumerate(lines, 1):
        if line.startswith("```"):
            if start is None:
                start = number
            else:
                yield Block(page, start, lines[start - 1][3:].strip() or "text", "\n".join(lines[start : number - 1]) + "\n")
                start = None
    assert start is None, f"{page}:{start}: a block has no end"


BLOCKS = [block for page in PAGES for block in blocks_of(page)]


def of_kind(*kinds: str) -> pytest.MarkDecorator:
    blocks = [block for block in BLOCKS if block.kind in kinds]
    return pytest.mark.parametrize("block", blocks, ids=str)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the files of the root that examples name."""
    copy_files_of_the_root(tmp_path)
    return tmp_path


def copy_files_of_the_root(folder: Path) -> None:
    for name in ("state-machine.json", "aws-stepfunctions-local-credentials.txt"):
        shutil.copy(ROOT / name, folder / name)


def environment(**more: str) -> dict[str, str]:
    """This process's variables, its programs first on the path, without an account."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTEST_", "STEPSTACK_"))}
    path = os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", "")])
    return {**kept, **NO_ACCOUNT, "PATH": path, "AWS_PAGER": "", **more}


def said_by(command: list[str], folder: Path, *, codes: tuple[int, ...] = (0,)) -> str:
    """What `command` says on standard output; fails unless it ends with one of `codes`."""
    done = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode in codes, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_a_block_says_how_it_is_tested(block: Block) -> None:
    assert block.kind in KINDS or STEP.fullmatch(block.kind)


@of_kind("json")
def test_a_mock_file_shown_is_one_that_the_server_takes(block: Block, tmp_path: Path) -> None:
    (tmp_path / "mocks.json").write_text(block.text, encoding="utf-8")
    file = MockFile(tmp_path / "mocks.json")
    ((machine, cases),) = json.loads(block.text)["StateMachines"].items()
    assert [file.problem(machine, case) for case in cases["TestCases"]] == [None]


@of_kind("python test")
def test_the_tests_shown_pass(block: Block, folder: Path) -> None:
    if DURABLE_SDK in block.text:
        pytest.importorskip(DURABLE_SDK)  # it needs Python 3.11
    (folder / "test_example.py").write_text(block.text, encoding="utf-8")
    (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    said = said_by([sys.executable, "-m", "pytest", "-p", "no:randomly", "-p", "no:cacheprovider", "-q", "test_example.py"], folder)
    assert f"{len(re.findall(r'^def test_', block.text, flags=re.MULTILINE))} passed" in said


@of_kind("python script")
def test_the_program_shown_runs(block: Block, folder: Path) -> None:
    said_by([sys.executable, "-W", "error", "-c", block.text], folder)


@of_kind("sh run")
def test_the_commands_shown_run(block: Block, folder: Path) -> None:
    for words in commands_of(block):
        assert said_by(words, folder, codes=(0, 1))


PAGES_IN_STEPS = list(dict.fromkeys(block.page for block in BLOCKS if STEP.fullmatch(block.kind)))


@pytest.mark.timeout(600)  # many programs, one after the other
@pytest.mark.parametrize("page", PAGES_IN_STEPS, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_steps_of_a_page_lead_where_it_says(page: Path, tmp_path: Path) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    if page.parent == ROOT:
        copy_files_of_the_root(folder)
    said, ports = "", {}
    with ExitStack() as servers:
        for block in (block for block in BLOCKS if block.page == page):
            step = STEP.fullmatch(block.kind)
            if step is None:
                continue
            text = block.text
            for usual, free in ports.items():
                text = text.replace(usual, free)
            if step[1]:
                write_step(folder / step[2], text, is_addition=step[1] == "more")
            elif step[3]:
                said = "".join(said_in_session(line, folder, block) for line in text.replace("\\\n", " ").splitlines() if line.strip())
            elif step[4]:
                assert_shown(text, said, block)
            else:
                stepfunctions_port, dynamodb_port = free_ports(2)
                servers.enter_context(server(text.strip(), stepfunctions_port, dynamodb_port, tmp_path))
                ports = {"127.0.0.1:8083": f"127.0.0.1:{stepfunctions_port}", "127.0.0.1:8000": f"127.0.0.1:{dynamodb_port}"}


def write_step(path: Path, text: str, *, is_addition: bool) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    before = path.read_text(encoding="utf-8").rstrip("\n") + "\n\n\n" if is_addition else ""
    path.write_text(before + text, encoding="utf-8")


def said_in_session(line: str, folder: Path, block: Block) -> str:
    """What the command in `line` says on standard output and standard error."""
    command, _, remark = line.partition("  # ends with ")
    words = shlex.split(command, comments=True)
    if not words:
        return ""
    if words[0] == "aws" and shutil.which("aws", path=environment()["PATH"]) is None:
        pytest.skip("there is no `aws` command; the environment `unit` of tox has one")
    variables = environment(PYTEST_ADDOPTS="-p no:randomly", COLUMNS="140", AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test")  # noqa: S106
    while re.match(r"[A-Z_]+=", words[0]):
        name, _, value = words.pop(0).partition("=")
        variables[name] = value
    done = subprocess.run(
        words, cwd=folder, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=110, check=False
    )
    assert done.returncode == int(remark or 0), f"{block}: {line}\nexit code {done.returncode}\n{done.stdout}"
    return done.stdout


def assert_shown(shown: str, said: str, block: Block) -> None:
    """Every line of `shown` stands in `said`, in this order."""
    lines = (" ".join(line.split()) for line in said.splitlines())
    for wanted in filter(None, (" ".join(line.split()) for line in shown.splitlines())):
        pattern = re.compile(".*".join(map(re.escape, re.split(r" ?\.\.\. ?", wanted))))
        assert wanted == "..." or any(pattern.fullmatch(line) for line in lines), f"{block}: nobody said {wanted!r}\n{said}"


def free_ports(count: int) -> list[int]:
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for taken in sockets:
            taken.bind(("127.0.0.1", 0))
        return [taken.getsockname()[1] for taken in sockets]


@contextmanager
def server(command: str, stepfunctions_port: int, dynamodb_port: int, folder: Path) -> Iterator[None]:
    words = [*shlex.split(command), "--stepfunctions-port", str(stepfunctions_port), "--dynamodb-port", str(dynamodb_port)]
    with running(words, folder):
        deadline = Deadline(60)
        wait_until_ready("stepfunctions", f"http://127.0.0.1:{stepfunctions_port}", deadline)
        wait_until_ready("dynamodb", f"http://127.0.0.1:{dynamodb_port}", deadline)
        yield


@contextmanager
def running(words: list[str], folder: Path) -> Iterator[None]:
    """A server, ended as a user ends it."""
    with (folder / "server.log").open("w+b") as log:
        process = subprocess.Popen(words, cwd=folder, env=environment(), stdout=log, stderr=log)
        try:
            yield
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=30) in {0, 130}
        finally:
            process.kill()
            process.wait(timeout=10)


def json_values(text: str) -> list[Any]:
    """The JSON values that stand one behind the other in `text`."""
    decoder, values = json.JSONDecoder(), []
    while text := text.lstrip():
        value, end = decoder.raw_decode(text)
        values.append(value)
        text = text[end:]
    return values


@of_kind("sh client")
def test_the_commands_of_the_aws_cli_shown_do_what_the_page_says(block: Block, folder: Path) -> None:
    if shutil.which("aws", path=environment()["PATH"]) is None:
        pytest.skip("there is no `aws` command; the environment `unit` of tox has one")
    (started,) = [other for other in BLOCKS if other.page == block.page and other.kind == "sh server"]
    stepfunctions_port, dynamodb_port = free_ports(2)
    commands = block.text.replace("127.0.0.1:8083", f"127.0.0.1:{stepfunctions_port}").replace(
        "127.0.0.1:8000", f"127.0.0.1:{dynamodb_port}"
    )
    with server(started.text.strip(), stepfunctions_port, dynamodb_port, folder):
        values = json_values(said_by(["sh", "-e", "-u", "-c", commands], folder))

    answers = {member: value for value in values for member in value}
    assert [machine["name"] for machine in answers["stateMachines"]["stateMachines"]] == ["CRUDDynamoDB"]
    assert json.loads(answers["definition"]["definition"]) == json.loads((folder / "state-machine.json").read_text(encoding="utf-8"))
    assert json.loads(answers["output"]["output"])["Item"] == {"Id": {"S": "125"}, "Name": {"S": "RobinOriginal"}}
    assert [event["type"] for event in answers["events"]["events"]][-1] == "ExecutionSucceeded"
    assert answers["TableNames"]["TableNames"] == ["CRUDStepFunctions"]
    assert answers["Items"]["Items"] == [{"Id": {"S": "125"}, "Name": {"S": "RobinNew"}, "Age": {"N": "56"}}]


def commands_of(block: Block) -> list[list[str]]:
    return [shlex.split(line, comments=True) for line in block.text.replace("\\\n", " ").splitlines() if shlex.split(line, comments=True)]


def without_assignments(words: list[str]) -> list[str]:
    return [word for position, word in enumerate(words) if not (re.match(r"[A-Z_]+=", word) and all("=" in w for w in words[:position]))]


@pytest.mark.parametrize(
    "block", [block for block in BLOCKS if block.kind == "sh server" and block.text.startswith("stepstack serve")], ids=str
)
def test_a_server_shown_starts_and_answers(block: Block, folder: Path) -> None:
    (port,) = free_ports(1)
    with running([*shlex.split(block.text), "--port", str(port)], folder):
        wait_until_ready("stepfunctions", f"http://127.0.0.1:{port}", Deadline(60))


@of_kind("sh commands")
def test_a_command_names_only_what_there_is(block: Block) -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
    for words in map(without_assignments, commands_of(block)):
        if words[0] == "scripts/tox":
            assert os.access(ROOT / words[0], os.X_OK)
            if len(words) > 1:
                assert words[1] == "-e"
                assert all(TOX_ENVIRONMENT.fullmatch(name) for name in words[2].split(","))
            if "--" in words:
                assert all((ROOT / word).exists() for word in words[words.index("--") + 1 :] if "/" in word)
        elif words[:4] == ["docker", "compose", "up", "-d"]:
            assert words[4] == "--wait"
            assert set(words[5:]) <= set(services)
        elif words[:2] == ["docker", "compose"]:
            assert words[2:] == ["--profile", "*", "down"]
        else:
            assert words[0] in {"pytest", "pip"}, f"nobody checks {shlex.join(words)}"


LINKED_PAGES = sorted([*PAGES, *ROOT.glob("examples/README.md"), *ROOT.glob("examples/*/README.md")])


def links_of(page: Path) -> list[tuple[Path, str]]:
    """The files that a page leads to, itself among them, and the headings in them ("" for none)."""
    found = re.findall(r"\]\((?!https?://)([^)#]*)(?:#([^)]+))?\)", page.read_text(encoding="utf-8"))
    return [((page.parent / target).resolve() if target else page, heading) for target, heading in found]


def headings_of(page: Path) -> set[str]:
    """As links name them: small letters and hyphens."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    heads = [re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", head) for head in re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)]
    return {re.sub(r"[^\w\- ]", "", head.strip().lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", LINKED_PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_to_a_file_and_a_heading_that_there_are(page: Path) -> None:
    links = links_of(page)
    assert [target for target, _ in links if not target.exists()] == []
    assert [(target, heading) for target, heading in links if heading and heading not in headings_of(target)] == []


def test_every_page_is_reached_from_the_readme() -> None:
    reached, left = set(), [ROOT / "README.md"]
    while left:
        page = left.pop()
        reached.add(page)
        left.extend({target for target, _ in links_of(page) if target.suffix == ".md"} - reached)
    assert {*PAGES} - reached == set()
