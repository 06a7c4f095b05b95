"""Runs of pytest inside the tests of the plugin."""

from __future__ import annotations

import pytest


@pytest.fixture
def run_pytest(pytester, monkeypatch):
    """Runs pytest with these words on what the test has written; under xdist (`-n`) in processes of its own. Only our plugin is there, to
    save time.
    """
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    for variable in ("AWS_ENDPOINT_URL", "AWS_SAM_STACK_NAME", "STEPSTACK_AWS"):
        monkeypatch.delenv(variable, raising=False)

    def start(*words):
        plugins = ["-p", "stepstack.pytest_plugin"]
        if "-n" in words:
            return pytester.runpytest_subprocess(*plugins, "-p", "xdist.plugin", *words, timeout=90)
        return pytester.runpytest_inprocess(*plugins, *words)

    return start


@pytest.fixture
def run(pytester, run_pytest, request):
    """Runs the SUITE of the file of tests with this code and these words."""

    def start(code, *words):
        pytester.makepyfile(test_suite=f"{request.module.SUITE}\n{code}")
        return run_pytest(*words)

    return start
