"""Read config.toml into one frozen Config."""

import tomllib
from pathlib import Path

import pytest

from coatcheck import config
from coatcheck.settings import RULE_KEYS, SUMMARIZER_KEYS
from coatcheck.types import ConfigError, RefsInto, Route, Rule, SummarizerSettings

ROOT = Path(__file__).parent.parent


def parsed(text: str) -> config.Config:
    return config.parse(tomllib.loads(text), Path("config.toml"))


def test_the_example_in_the_repository_shows_every_default() -> None:
    assert (ROOT / "config.toml").read_text("utf-8") == config.example()
    example = parsed(config.example())
    assert example.defaults == Rule()
    assert example.store == config.StoreSettings()
    assert example.summarizer == SummarizerSettings()
    shown = tomllib.loads(config.example())["summarizer"].keys()
    assert shown == SUMMARIZER_KEYS.keys()
    assert tomllib.loads(config.example())["defaults"].keys() == RULE_KEYS.keys()


def test_the_example_tables_are_valid_once_their_marks_are_taken_off() -> None:
    lines = config.EXAMPLE_TABLES.splitlines()
    code = [x.removeprefix("# ") for x in lines if x.startswith(("# [", "# ")) and x[2:3] != "O"]
    found = parsed("\n".join(x for x in code if "=" in x or x.startswith("[")))
    assert found.upstreams["github"].args == ("-y", "server-github")
    assert found.rule("docs", "read").egress is False
    assert found.rule("github", "list_issues").budget_tokens == 2500
    assert found.summarizer.routes[0] == Route("claude-haiku-4-5", "docs.*", least_tokens=20_000)
    assert found.summarizer.prices == {"claude-haiku-5-5": {"input": 0.1}}


def test_a_tool_takes_defaults_then_its_upstream_then_its_first_match() -> None:
    found = parsed(
        """
        [defaults]
        budget_tokens = 1
        floor_tokens = 2
        [upstreams.a]
        command = "x"
        floor_tokens = 3
        [tools."a.list_*"]
        keep = "12h"
        [tools."a.*"]
        keep = "session"
        """
    )
    assert found.rule("a", "list_x") == Rule(budget_tokens=1, floor_tokens=3, keep=43_200)
    assert found.rule("a", "get") == Rule(budget_tokens=1, floor_tokens=3, keep="session")
    assert found.rule("b", "get") == Rule(budget_tokens=1, floor_tokens=2)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[defaults]\nbudget_tokens = -5", "defaults.budget_tokens is -5; use a whole number"),
        ("[defaults]\nbudget_tokens = true", "defaults.budget_tokens is True; use a whole number"),
        ("[defaults]\nbugdet_tokens = 5", "defaults.bugdet_tokens is not a setting; did you mean"),
        ("[defaults]\nmode = 'fast'", "defaults.mode is 'fast'; use one of"),
        ("[defaults]\nkeep = '7 moons'", "defaults.keep is '7 moons'; use a duration"),
        ("[upstreams.a]\ncommand = 5", "upstreams.a.command is 5; use a text"),
        ("[upstreams.a]\ncommand = 'x'\nurl = 'y'", "upstreams.a has both command and url"),
        ("[upstreams]\na = 5", "upstreams must hold tables"),
        ("upstream = 5", "upstream is not a setting; did you mean upstreams?"),
        ("[store]\nquota = '5 apples'", "store.quota is '5 apples'; use a size"),
        ("[summarizer]\nconsent = 1", "summarizer.consent is 1; use true or false"),
        ("[summarizer]\nmodle = 'x'", "summarizer.modle is not a setting; did you mean model?"),
        ("[[summarizer.routes]]\ntool = 'x'", "summarizer.routes must be tables with a model"),
        ("[summarizer.prices.x]\ninput = 0", 'summarizer.prices."x".input is 0; use a number'),
        ("[defaults]\nstyle = 'short'", "defaults.style is 'short'; use one of"),
        ("[tools.'a.b']\nreducer = 'jsn'", "tools.\"a.b\".reducer is 'jsn'; use one of"),
        ("[tools.'a.b']\ndrop_fields = 'a'", "drop_fields is 'a'; use a list of texts"),
        ("[tools.'a.b']\nkeep_fields = [1]", "keep_fields is [1]; use a list of texts"),
        ("[tools.'a.b']\nkey = 5", 'tools."a.b".key is 5; use a text'),
        ("[tools.'a.b']\nkeepfields = []", "keepfields is not a setting; did you mean keep_fields"),
        ("[tools.'a.b']\negress = 'no'", "tools.\"a.b\".egress is 'no'; use true or false"),
    ],
)
def test_a_wrong_file_is_refused_in_one_line_saying_where_and_what_to_do(
    text: str, said: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        parsed(text)
    assert said in str(caught.value)
    assert str(caught.value).startswith("config.toml: ")
    assert "\n" not in str(caught.value)


def test_the_flag_is_used_before_the_environment_before_the_home(tmp_path: Path) -> None:
    for name in ("flag.toml", "environment.toml", "config.toml"):
        (tmp_path / name).touch()
    named = {"COATCHECK_CONFIG": str(tmp_path / "environment.toml")}
    assert config.find(tmp_path / "flag.toml", named, tmp_path) == tmp_path / "flag.toml"
    assert config.find(None, named, tmp_path) == tmp_path / "environment.toml"
    assert config.find(None, {}, tmp_path) == tmp_path / "config.toml"
    assert config.find(None, {}, tmp_path / "none") is None


def test_a_file_that_was_asked_for_must_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no such file"):
        config.find(tmp_path / "absent.toml", {}, tmp_path)


def test_coatcheck_off_turns_every_tool_off(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("[tools.'a.*']\nmode = 'auto'\n")
    assert config.load(path, {}).rule("a", "b").mode == "auto"
    assert config.load(path, {"COATCHECK": "off"}).rule("a", "b").mode == "off"


def test_a_file_that_is_no_toml_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("a = \n")
    with pytest.raises(ConfigError, match="line 1"):
        config.load(path, {})


def test_variables_are_taken_from_the_environment_when_asked_for() -> None:
    table = {"A": "Bearer ${TOKEN}", "B": "$TOKEN"}
    assert config.resolve(table, {"TOKEN": "t"}, "x") == {"A": "Bearer t", "B": "$TOKEN"}


def test_a_variable_that_is_not_set_is_named_without_any_value() -> None:
    with pytest.raises(ConfigError, match=r"\$\{TOKEN\}, which is not set"):
        config.resolve({"A": "${TOKEN}"}, {}, "upstreams.a.env.A")


def test_pairs_of_refs_into_are_read_and_nothing_is_allowed_without_them() -> None:
    assert config.parse({}).refs_into == ()
    table = {"refs_into": [{"from": "fs", "to": "github.create_*"}]}
    assert config.parse(table).refs_into == (RefsInto("fs", "github.create_*"),)


@pytest.mark.parametrize(
    "value",
    ["fs", [1], [{"from": "fs"}], [{"from": "", "to": "a.b"}], [{"from": "fs", "to": "github"}]],
)
def test_a_wrong_pair_is_refused_with_an_example(value: object) -> None:
    with pytest.raises(ConfigError, match=r"refs_into is .*create_issue"):
        config.parse({"refs_into": value})
