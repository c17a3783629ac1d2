"""Options: where they come from, which place wins, and values that cannot be used."""

from __future__ import annotations

import pytest
from traitlets.config import Config

from aca_kernel.config.options import Settings
from aca_kernel.errors import ConfigurationError


def test_defaults_are_those_of_the_design() -> None:
    settings = Settings()
    settings.check()
    assert settings.pool_endpoint == ""
    assert settings.api_version == "2025-10-02-preview"
    assert settings.mode == "auto"
    assert settings.token_scope == "https://dynamicsessions.io/.default"
    assert settings.endpoint_suffixes == [".dynamicsessions.io", ".azurecontainerapps.io"]
    assert settings.execution_timeout is None
    assert settings.outage_tolerance == 600
    assert settings.prewarm is False
    assert settings.keep_alive == 3000
    assert settings.output_policy == "isolated"
    assert settings.transfer_root == ""


def test_configuration_wins_over_environment_over_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ACA_KEEP_ALIVE", "11")
    monkeypatch.setenv("ACA_SESSION_ID", "of-the-environment")
    settings = Settings(config=Config(Settings={"session_id": "of-the-configuration"}))
    settings.check()
    assert settings.session_id == "of-the-configuration"
    assert settings.keep_alive == 11
    assert settings.outage_tolerance == 600
    assert Settings(keep_alive=7.0).keep_alive == 7


def test_first_environment_variable_that_is_set_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    names = Settings.variables("pool_endpoint")
    assert names == (
        "ACA_POOL_MANAGEMENT_ENDPOINT",
        "AZURE_CONTAINER_APP_SESSION_POOL_MANAGEMENT_ENDPOINT",
        "POOL_MANAGEMENT_ENDPOINT",
    )
    for name in reversed(names):
        monkeypatch.setenv(name, f" https://{name}.example ")
        assert Settings().pool_endpoint == f"https://{name}.example"
    monkeypatch.setenv(names[0], "  ")
    assert Settings().pool_endpoint == f"https://{names[1]}.example"


def test_list_option_is_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACA_ENDPOINT_SUFFIXES", ".one.example, .two.example,")
    assert Settings().endpoint_suffixes == [".one.example", ".two.example"]


@pytest.mark.parametrize(
    ("text", "value"),
    [("1", True), ("TRUE", True), ("on", True), ("yes", True), ("0", False), ("No", False)],
)
def test_switch_is_read_from_the_usual_words(
    monkeypatch: pytest.MonkeyPatch, text: str, value: bool
) -> None:
    monkeypatch.setenv("ACA_PREWARM", text)
    assert Settings().prewarm is value


@pytest.mark.parametrize("text", ["~/someone", '"quoted"', "'quoted'", "a b", "None"])
def test_text_option_is_taken_as_it_is(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("ACA_SESSION_ID", text)
    monkeypatch.setenv("ACA_ACCESS_TOKEN", text)
    settings = Settings()
    settings.check()
    assert settings.session_id == text
    assert settings.access_token == text


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("ACA_KEEP_ALIVE", "soon"),
        ("ACA_KEEP_ALIVE", "-1"),
        ("ACA_KEEP_ALIVE", "inf"),
        ("ACA_EXECUTION_TIMEOUT", "nan"),
        ("ACA_OUTAGE_TOLERANCE", "1e999"),
        ("ACA_PREWARM", "perhaps"),
        ("ACA_KERNEL_MODE", "turbo"),
        ("ACA_OUTPUT_POLICY", "all"),
    ],
)
def test_value_that_cannot_be_used_is_told_with_its_variable(
    monkeypatch: pytest.MonkeyPatch, variable: str, text: str
) -> None:
    monkeypatch.setenv(variable, text)
    settings = Settings()
    with pytest.raises(ConfigurationError) as caught:
        settings.check()
    assert variable in str(caught.value)


def test_value_in_a_number_that_might_be_a_secret_is_not_repeated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ACA_KEEP_ALIVE", "a-secret-in-the-wrong-place")
    with pytest.raises(ConfigurationError) as caught:
        Settings().check()
    assert "a-secret" not in str(caught.value)


def test_wrong_configuration_is_kept_for_the_first_cell() -> None:
    settings = Settings(config=Config(Settings={"keep_alive": "soon"}))
    with pytest.raises(ConfigurationError, match="keep_alive"):
        settings.check()


def test_every_option_has_help_and_an_environment_variable() -> None:
    options = Settings.class_traits(config=True)
    assert len(options) >= 13
    for name, trait in options.items():
        assert trait.help, name
        assert all(v == v.upper() for v in trait.metadata["env"]), name
