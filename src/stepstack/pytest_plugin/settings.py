"""What the plugin is told, and by whom: fixture > marker > option > pyproject.toml > default.

Every setting has one name everywhere: `--stepstack-backend`, `stepstack_backend` in `[tool.pytest.ini_options]`,
`@pytest.mark.stepstack(backend=...)`, and `{"backend": ...}` from the fixture `stepstack_settings`. What is wrong is a usage error that
says where it stands and what would be right. Imports only pytest and the standard library, because every pytest run loads it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "BACKENDS",
    "Compositions",
    "PluginSettings",
    "add_options",
    "composition_of",
    "marker_settings",
    "other_composition",
    "settings_of_run",
    "wants_coverage",
]

BACKENDS: Mapping[str, str] = {
    "embedded": "everything in the test's own process; nothing else is needed",
    "local": "DynamoDB Local and Step Functions Local on Docker Compose",
    "dynalite": "dynalite and Step Functions Local on Docker Compose; without Docker, dynalite on Node and the embedded engine",
    "stepstack": "DynamoDB Local and the stepstack image on Docker Compose",
    "aws": "a real account; needs STEPSTACK_AWS=1 and STEPSTACK_AWS_PREFIX",
    "endpoints": "services that run already, named by --stepstack-endpoint SERVICE=URL",
}
TIMES_OF_OTHERS: Mapping[str, str] = {
    "local": "real or a scale, such as 0.01 (Step Functions Local cannot skip)",
    "stepstack": "skip, real or a scale, such as 0.01",
    "aws": "real",
    "endpoints": "real",
}
"""What time can be, where it cannot be anything."""

_COMPOSED: Mapping[str, tuple[str, ...]] = {
    "local": ("compose_file", "mock_file"),
    "dynalite": ("compose_file", "mock_file"),
    "stepstack": ("compose_file", "mock_file"),
}
"""The backends on Docker Compose, and the settings that they are brought up with."""

COVERAGE_REPORTS: Mapping[str, str] = {
    "term": "",
    "html": ".stepstack/coverage.html",
    "json": ".stepstack/coverage-report.json",
    "lcov": ".stepstack/coverage.lcov",
}
"""The kinds of report, and where each is written where nobody says."""


@dataclass(frozen=True, slots=True)
class PluginSettings:
    """The settings of a run or, with its marker and its fixture applied, of one test."""

    backend: str = "embedded"
    time: str | None = None
    """`skip`, `real` or a scale as text; None for what is usual: skip where the engine is ours, else as the service was started."""
    skip_unavailable: bool = False
    endpoints: tuple[str, ...] = ()
    """Words SERVICE=URL."""
    compose_file: str = ""
    """"" for the compose file in pytest's root folder."""
    timeout: float = 60.0
    """Seconds of real time that an execution may take."""
    unmocked: str = "call"
    """What becomes of a task that no mock answers: `call` makes the call, `refuse` fails the state."""
    mock_file: str = ""
    """A mock file in Step Functions Local's format, for `run(test_case=...)`."""
    mocks: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """A marker's mocks: what a Task state answers, by its name."""

    def with_changes(self, changes: Mapping[str, Any], source: str) -> PluginSettings:
        """These settings with `changes`, checked; pytest.UsageError names `source`."""
        unknown = [name for name in changes if name not in _CHECKS]
        if unknown:
            raise pytest.UsageError(f"{source}: there is no setting {', '.join(map(repr, unknown))}; there are {', '.join(_CHECKS)}")
        checked = {name: _CHECKS[name](value, source) for name, value in changes.items()}
        if "mocks" in checked:
            checked["mocks"] = {**self.mocks, **checked["mocks"]}
        settings = replace(self, **checked)
        if checked.get("time") is not None:
            _check_time_of_backend(settings, source)
        return settings

    @property
    def effective_time(self) -> str:
        """What the header shows."""
        return self.time or ("skip" if self.backend == "embedded" else "real" if self.backend == "aws" else "as started")


def add_options(parser: pytest.Parser) -> None:
    """Adds every option, and its setting in pyproject.toml where it has one."""
    group = parser.getgroup("stepstack", "AWS Step Functions and DynamoDB")
    backends = "; ".join(f"{name}: {meaning}" for name, meaning in BACKENDS.items())
    options: list[tuple[str, str, dict[str, Any]]] = [
        ("backend", f"Where tests run. {backends}. Default: embedded.", {"metavar": "BACKEND"}),
        ("time", "How waits pass: skip, real, or a scale such as 0.01. Default: skip where the engine is embedded.", {"metavar": "TIME"}),
        ("timeout", "Seconds of real time that an execution may take. Default: 60.", {"metavar": "SECONDS"}),
        (
            "unmocked",
            "What becomes of a task that no mock answers: call or refuse. Default: call.",
            {"metavar": "WHAT"},
        ),
        ("mock-file", "A mock file in Step Functions Local's format, for run(test_case=...).", {"metavar": "FILE"}),
        ("compose-file", "The compose file of the backends on Docker. Default: the one in the root folder.", {"metavar": "FILE"}),
    ]
    for name, text, more in options:
        group.addoption(f"--stepstack-{name}", dest=f"stepstack_{name.replace('-', '_')}", default=None, help=text, **more)
        parser.addini(f"stepstack_{name.replace('-', '_')}", text)
    text = "Skip tests whose backend is not available, instead of failing them."
    group.addoption("--stepstack-skip-unavailable", dest="stepstack_skip_unavailable", action="store_true", default=None, help=text)
    parser.addini("stepstack_skip_unavailable", text, type="bool", default=None)
    text = "A service that runs already; may be given again. With the backend embedded, it takes the place of the embedded one."
    group.addoption("--stepstack-endpoint", dest="stepstack_endpoints", action="append", metavar="SERVICE=URL", default=None, help=text)
    parser.addini("stepstack_endpoints", text, type="linelist", default=None)
    text = "Write an HTML page for each failed test: its executions drawn, every state's input and output, the history."
    group.addoption("--stepstack-report", metavar="DIR", default=None, help=text)
    text = "Write the tests' mocks as a mock file for Step Functions Local; on the embedded backend."
    group.addoption("--stepstack-write-mocks", metavar="FILE", default=None, help=text)
    _add_coverage_options(group)


def _add_coverage_options(group: pytest.OptionGroup) -> None:
    group.addoption("--stepstack-cov", action="store_true", help="Count which states, transitions, choices and handlers the tests cover.")
    group.addoption(
        "--stepstack-cov-report",
        action="append",
        metavar="TYPE[:FILE]",
        help=f"A report of --stepstack-cov: {', '.join(COVERAGE_REPORTS)}; may be given again. Default: term.",
    )
    group.addoption("--stepstack-cov-fail-under", type=float, metavar="PERCENT", help="Fail the run where less is covered.")
    group.addoption("--stepstack-cov-append", action="store_true", help="Add to the counts of earlier runs instead of replacing them.")


def wants_coverage(config: pytest.Config) -> bool:
    """Whether any of its options asks for it."""
    is_limited = config.getoption("stepstack_cov_fail_under") is not None
    return bool(config.getoption("stepstack_cov") or config.getoption("stepstack_cov_report") or is_limited)


def settings_of_run(config: pytest.Config) -> PluginSettings:
    """Default, then pyproject.toml (or pytest.ini), then options."""
    settings = PluginSettings()
    names = [setting.name for setting in fields(PluginSettings) if setting.name != "mocks"]
    ini = {name: config.getini(f"stepstack_{name}") for name in names}
    settings = _apply(settings, {name: value for name, value in ini.items() if value not in (None, "", [])}, config)
    options = {name: config.getoption(f"stepstack_{name}") for name in names}
    changes = {name: value for name, value in options.items() if value is not None}
    for name, value in changes.items():
        settings = settings.with_changes({name: value} if name != "time" else {}, f"--stepstack-{_option(name)}")
    if "time" in changes:
        settings = settings.with_changes({"time": changes["time"]}, "--stepstack-time")
    if settings.backend == "endpoints" and not settings.endpoints:
        raise pytest.UsageError("the backend endpoints needs --stepstack-endpoint SERVICE=URL, such as dynamodb=http://127.0.0.1:8000")
    return settings


def marker_settings(item: pytest.Item, settings: PluginSettings) -> PluginSettings:
    """`settings` with the item's `stepstack` markers applied, the closest last."""
    for marker in reversed(list(item.iter_markers("stepstack"))):
        source = f"@pytest.mark.stepstack on {item.nodeid}"
        if marker.args:
            raise pytest.UsageError(f"{source}: it takes keywords, such as backend='embedded', and no {marker.args[0]!r}")
        settings = settings.with_changes(marker.kwargs, source)
    return settings


class Compositions:
    """What each backend on Docker Compose is brought up with, which a run does once: who wants something else is told."""

    def __init__(self, settings: PluginSettings) -> None:
        self._first: dict[str, tuple[Mapping[str, str], str]] = {}
        self.require(settings, "the run")

    def require(self, settings: PluginSettings, source: str) -> None:
        """UsageError where `settings`, of `source`, want a composition that another one does not."""
        first, other = self._first.setdefault(settings.backend, (composition_of(settings), source))
        problem = other_composition(settings, first, other)
        if problem is not None:
            raise pytest.UsageError(f"{source}: {problem}")


def composition_of(settings: PluginSettings) -> dict[str, str]:
    """What the backend is brought up with; nothing where it is not on Docker Compose."""
    return {name: getattr(settings, name) for name in _COMPOSED.get(settings.backend, ())}


def other_composition(settings: PluginSettings, had: Mapping[str, str], whose: str) -> str | None:
    """What `settings` want that is unlike the composition `had`, in words; None where it is the same. `whose` it is is named."""
    for name, wanted in composition_of(settings).items():
        if wanted != had[name]:
            return (
                f"{name} is {wanted or 'not given'}, and {whose} has {had[name] or 'none'}: "
                f"a run brings the backend {settings.backend} up once; run these tests apart"
            )
    return None


def _apply(settings: PluginSettings, ini: Mapping[str, Any], config: pytest.Config) -> PluginSettings:
    """Settings of a file hold for any backend: a time that the chosen one cannot keep is no fault of whoever chose it."""
    place = config.inipath.name if config.inipath else "the configuration"
    for name, value in ini.items():
        checked = _CHECKS[name](value, f"stepstack_{name} in {place}")
        settings = replace(settings, **{name: checked})
    backend = config.getoption("stepstack_backend") or settings.backend
    if settings.time is not None and not _can_keep(backend, settings.time):
        settings = replace(settings, time=None)
    return settings


def _option(name: str) -> str:
    return "endpoint" if name == "endpoints" else name.replace("_", "-")


def _can_keep(backend: str, time: str) -> bool:
    return {"aws": time == "real", "endpoints": time == "real", "local": time != "skip"}.get(backend, True)


def _check_time_of_backend(settings: PluginSettings, source: str) -> None:
    if settings.time is not None and not _can_keep(settings.backend, settings.time):
        valid = TIMES_OF_OTHERS[settings.backend]
        raise pytest.UsageError(f"{source}: the backend {settings.backend} cannot have time {settings.time}; valid: {valid}")


def _backend(value: Any, source: str) -> str:
    if value not in BACKENDS:
        raise pytest.UsageError(f"{source}: {value!r} is no backend; valid: {', '.join(BACKENDS)}")
    return str(value)


def _time(value: Any, source: str) -> str | None:
    if value is None:
        return None
    from stepstack.clock import time_scale

    try:
        scale = time_scale(value)
    except ValueError:
        raise pytest.UsageError(f"{source}: {value!r} is no time; valid: skip, real, or a scale of 0 or more, such as 0.01") from None
    return {0.0: "skip", 1.0: "real"}.get(scale) or f"{scale:g}"


def _timeout(value: Any, source: str) -> float:
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise pytest.UsageError(f"{source}: {value!r} is no timeout; valid: a number of seconds above 0")
    return seconds


def _endpoints(value: Any, source: str) -> tuple[str, ...]:
    from stepstack.errors import SettingsError
    from stepstack.stacks.endpoints import parse_endpoints

    words: Iterable[str] = [f"{service}={url}" for service, url in value.items()] if isinstance(value, Mapping) else value
    if isinstance(words, str):
        words = [words]
    try:
        return tuple(f"{service}={url}" for service, url in parse_endpoints(words).items())
    except SettingsError as error:
        raise pytest.UsageError(f"{source}: {error}") from None


def _flag(value: Any, source: str) -> bool:
    if not isinstance(value, bool):
        raise pytest.UsageError(f"{source}: {value!r} is neither True nor False")
    return value


def _unmocked(value: Any, source: str) -> str:
    if value not in {"call", "refuse"}:
        raise pytest.UsageError(f"{source}: {value!r} is nothing that becomes of unmocked tasks; valid: call, refuse")
    return str(value)


def _mocks(value: Any, source: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise pytest.UsageError(f"{source}: mocks are given by state name, as in mocks={{'Pay': {{'ok': True}}}}; this is {value!r}")
    return value


def _text(value: Any, _source: str) -> str:
    return str(value)


_CHECKS: Mapping[str, Callable[[Any, str], Any]] = {
    "backend": _backend,
    "time": _time,
    "skip_unavailable": _flag,
    "endpoints": _endpoints,
    "compose_file": _text,
    "timeout": _timeout,
    "unmocked": _unmocked,
    "mock_file": _text,
    "mocks": _mocks,
}
