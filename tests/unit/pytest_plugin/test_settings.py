"""Who says what the plugin does: fixture > marker > option > pyproject.toml > default."""

from __future__ import annotations

import pytest

from stepstack.pytest_plugin.run import RUN
from stepstack.pytest_plugin.settings import PluginSettings, marker_settings


@pytest.fixture
def settings_from(pytester):
    """The settings of a run with these words on its command line; `ini` goes into its pytest.ini."""

    def read(*words, ini=""):
        (pytester.path / "pytest.ini").write_text(f"[pytest]\n{ini}")
        config = pytester.parseconfigure(*words)
        return config.stash[RUN].settings

    return read


@pytest.fixture
def marked(pytester):
    """The settings of a test with these decorators, in a run with these words."""

    def read(decorators, *words):
        item = pytester.getitem(f"import pytest\n{decorators}\ndef test_it(): pass", "test_it")
        run = pytester.parseconfigure(*words)
        return marker_settings(item, run.stash[RUN].settings)

    return read


def test_the_default_is_the_embedded_stack_that_skips(settings_from):
    settings = settings_from()

    assert (settings.backend, settings.effective_time, settings.skip_unavailable, settings.timeout) == ("embedded", "skip", False, 60.0)


def test_a_file_changes_the_default(settings_from):
    settings = settings_from(
        ini="stepstack_backend = endpoints\nstepstack_endpoints =\n  dynamodb=http://h:1\n  s3=http://h:2\nstepstack_timeout = 5\n"
        "stepstack_skip_unavailable = true"
    )

    assert settings == PluginSettings("endpoints", skip_unavailable=True, endpoints=("dynamodb=http://h:1", "s3=http://h:2"), timeout=5.0)


def test_an_option_comes_before_a_file(settings_from):
    assert settings_from("--stepstack-backend=embedded", ini="stepstack_backend = local").backend == "embedded"


@pytest.mark.parametrize(("given", "meant"), [("skip", "skip"), ("0", "skip"), ("1", "real"), ("0.01", "0.01"), ("real", "real")])
def test_time_is_skip_real_or_a_scale(settings_from, given, meant):
    assert settings_from(f"--stepstack-time={given}").time == meant


def test_a_files_time_that_the_chosen_backend_cannot_have_is_left_aside(settings_from):
    assert settings_from("--stepstack-backend=local", ini="stepstack_time = skip").time is None


def test_a_marker_comes_before_an_option(marked):
    settings = marked("@pytest.mark.stepstack(time='real', timeout=3)", "--stepstack-time=0.5")

    assert (settings.time, settings.timeout) == ("real", 3.0)


def test_the_closest_marker_comes_first(pytester):
    item = pytester.getitem(
        """
        import pytest
        pytestmark = pytest.mark.stepstack(time="real", timeout=9)
        class TestIt:
            pytestmark = pytest.mark.stepstack(timeout=8)
            @pytest.mark.stepstack(timeout=7)
            def test_it(self): pass
        """,
        "test_it",
    )

    settings = marker_settings(item, PluginSettings())

    assert (settings.time, settings.timeout) == ("real", 7.0)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["--stepstack-backend=cloud"],
            "--stepstack-backend: 'cloud' is no backend; valid: embedded, local, dynalite, stepstack, aws",
        ),
        (["--stepstack-time=fast"], "--stepstack-time: 'fast' is no time; valid: skip, real, or a scale of 0 or more"),
        (["--stepstack-time=-1"], "'-1' is no time"),
        (["--stepstack-timeout=0"], "--stepstack-timeout: '0' is no timeout; valid: a number of seconds above 0"),
        (["--stepstack-endpoint=dynamodb"], "--stepstack-endpoint: an endpoint is written SERVICE=URL"),
        (["--stepstack-backend=endpoints"], "the backend endpoints needs --stepstack-endpoint SERVICE=URL"),
        (["--stepstack-backend=aws", "--stepstack-time=skip"], "--stepstack-time: the backend aws cannot have time skip; valid: real"),
        (["--stepstack-backend=local", "--stepstack-time=skip"], "the backend local cannot have time skip; valid: real or a scale"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_wrong_option_is_a_usage_error_that_says_what_is_valid(settings_from, words, message):
    with pytest.raises(pytest.UsageError) as refusal:
        settings_from(*words)

    assert message in str(refusal.value)


def test_a_wrong_setting_in_a_file_names_the_file(settings_from):
    with pytest.raises(pytest.UsageError, match=r"stepstack_backend in pytest.ini: 'cloud' is no backend"):
        settings_from(ini="stepstack_backend = cloud")


@pytest.mark.parametrize(
    ("decorator", "message"),
    [
        ("@pytest.mark.stepstack(backend='cloud')", "'cloud' is no backend"),
        ("@pytest.mark.stepstack(speed=1)", "there is no setting 'speed'; there are backend, time, "),
        ("@pytest.mark.stepstack('local')", "it takes keywords, such as backend='embedded', and no 'local'"),
        ("@pytest.mark.stepstack(skip_unavailable='yes')", "'yes' is neither True nor False"),
    ],
)
def test_a_wrong_marker_names_its_test(marked, decorator, message):
    with pytest.raises(pytest.UsageError) as refusal:
        marked(decorator)

    assert "::test_it: " in str(refusal.value)
    assert message in str(refusal.value)


TWO_COMPOSITIONS = """
    import pytest

    @pytest.mark.stepstack(backend="{backend}", {setting}="one.yml")
    def test_one(stepstack_settings): pass

    @pytest.mark.stepstack(backend="{backend}", {setting}="two.yml")
    def test_two(stepstack_settings): pass
"""


@pytest.mark.parametrize(
    ("backend", "setting"),
    [("local", "compose_file"), ("dynalite", "mock_file"), ("stepstack", "compose_file"), ("local", "mock_file")],
)
def test_a_backend_that_is_brought_up_once_is_one_for_all_tests(pytester, run_pytest, backend, setting):
    pytester.makepyfile(TWO_COMPOSITIONS.format(backend=backend, setting=setting))

    refused = run_pytest()
    assert refused.ret == pytest.ExitCode.USAGE_ERROR
    told = f"{setting} is two.yml, and *::test_one has one.yml: *the backend {backend} up once*"
    refused.stderr.fnmatch_lines([f"ERROR: @pytest.mark.stepstack on *::test_two: {told}"])
    run_pytest("-k", "test_two").assert_outcomes(passed=1, deselected=1)


def test_a_composition_of_the_fixture_that_is_another_one_fails_its_test(pytester, run_pytest):
    pytester.makepyfile(
        """
        import pytest

        @pytest.fixture
        def stepstack_settings():
            return {"backend": "local", "compose_file": "two.yml"}

        def test_it(stepstack): pass
        """
    )
    result = run_pytest("--stepstack-backend=local", "--stepstack-compose-file=one.yml")

    result.stdout.fnmatch_lines(["stepstack: this test: compose_file is two.yml, and the run has one.yml: *"])
