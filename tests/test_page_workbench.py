"""The workbench and coatcheck try: a rule is tried, shown as a diff, and written once agreed."""

import json
import re
from html import unescape
from pathlib import Path

import pytest
from click.testing import CliRunner
from pages import NOW, client, home

from coatcheck import config
from coatcheck.cli.rules import Change, change, owner_of, write
from coatcheck.types import ConfigError, Rule

TOOL = "github.list_issues"
SETTINGS = '# mine\n\n[tools."github.*"]\nkey = "number"  # stays\n'


def fields(page: str) -> dict[str, str]:
    """Return the fields of the form that writes."""
    form = page.split('method="post"')[1].split("</form>")[0] if 'method="post"' in page else ""
    found = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', form)
    return {name: unescape(value) for name, value in found}


ORIGIN = {"origin": "http://127.0.0.1:8400"}


def test_the_workbench_asks_for_a_tool_first(tmp_path: Path) -> None:
    made = home(tmp_path)
    with client(made.source()) as asked:
        assert f'value="{TOOL}"' in asked.get("/workbench").text
        made.artifacts.kept.clear()
        assert "Nothing is kept yet" in asked.get("/workbench").text
        assert "Nothing of this tool is kept" in asked.get(f"/workbench?tool={TOOL}").text


def test_a_rule_is_tried_and_written_below_what_stands_there(tmp_path: Path) -> None:
    made = home(tmp_path)
    file = tmp_path / "config.toml"
    file.write_text(SETTINGS)
    with client(made.source()) as asked:
        page = asked.get(f"/workbench?tool={TOOL}&budget_tokens=300&drop_fields=url").text
        assert "+budget_tokens = 300" in unescape(page) and "1 result of" in page
        answer = asked.post("/workbench", data=fields(page), headers=ORIGIN)
        assert answer.status_code == 303, answer.text
        assert file.read_text() == (
            f'# mine\n\n[tools."{TOOL}"]\nbudget_tokens = 300\ndrop_fields = ["url"]\n'
            'key = "number"\n\n[tools."github.*"]\nkey = "number"  # stays\n'
        )
        after = asked.get(answer.headers["location"]).text
    assert "The settings say so now" in after and "says so already" in after
    assert 'value="300"' in after


def test_nothing_is_written_without_the_key_of_the_form_and_our_origin(tmp_path: Path) -> None:
    made = home(tmp_path)
    with client(made.source()) as asked:
        form = fields(asked.get(f"/workbench?tool={TOOL}&budget_tokens=300").text)
        assert len(form["form"]) == 64
        tries = [
            (form, {}, 403),
            (form, {"origin": "http://evil.example"}, 403),
            (form, {"origin": "null"}, 403),
            ({**form, "form": ""}, ORIGIN, 400),
            ({**form, "form": "0" * 64}, ORIGIN, 400),
            ({**form, "digest": "0" * 64}, ORIGIN, 503),
            ({**form, "budget_tokens": "-1"}, ORIGIN, 400),
        ]
        for data, headers, status in tries:
            assert asked.post("/workbench", data=data, headers=headers).status_code == status
        asked.cookies.clear()
        bearer = {**ORIGIN, "authorization": "Bearer cct_may-be-used-again"}
        assert asked.post("/workbench", data=form, headers=bearer).status_code == 403
    assert not (tmp_path / "config.toml").exists()


def test_settings_that_cannot_be_edited_are_left_alone(tmp_path: Path) -> None:
    made = home(tmp_path)
    (tmp_path / "config.toml").write_text("tools = { 'github.*' = { key = 'number' } }\n")
    with client(made.source()) as asked:
        page = asked.get(f"/workbench?tool={TOOL}&budget_tokens=300").text
    assert "by hand" in page and not fields(page)


@pytest.mark.parametrize("wrong", ["budget_tokens=x", "mode=loud", "last=x", "reducer=what"])
def test_a_wrong_setting_is_said_so(tmp_path: Path, wrong: str) -> None:
    with client(home(tmp_path).source()) as asked:
        assert asked.get(f"/workbench?tool={TOOL}&{wrong}").status_code == 400


def test_a_change_that_somebody_else_came_before_is_not_written(tmp_path: Path) -> None:
    made = home(tmp_path)
    found = change(made.place(), TOOL, Rule(budget_tokens=9), made.artifacts.list(9))
    assert found.before is None and found.diff.endswith("+budget_tokens = 9")
    write(found)
    assert (tmp_path / "config.toml").stat().st_mode & 0o777 == 0o600
    with pytest.raises(ConfigError, match="cannot be written"):
        write(found)
    again = change(made.place(), TOOL, Rule(budget_tokens=8), made.artifacts.list(9))
    (tmp_path / "config.toml").write_text("# other\n")
    with pytest.raises(ConfigError, match="changed meanwhile"):
        write(again)
    assert (tmp_path / "config.toml").read_text() == "# other\n"
    assert Change(tmp_path, b"x", b"x").diff == ""


def test_a_rule_that_another_table_hides_is_not_written(tmp_path: Path) -> None:
    made = home(tmp_path)
    text = f'[tools."*"]\nkey = "number"\n[tools."{TOOL}"]\nkey = "number"\n'
    (tmp_path / "config.toml").write_text(text)
    with pytest.raises(ConfigError, match="another table comes first"):
        change(made.place(), TOOL, Rule(budget_tokens=9), made.artifacts.list(9))


def test_the_owner_of_a_name_with_dots_is_found(tmp_path: Path) -> None:
    made = home(tmp_path)
    assert owner_of(made.place(), TOOL, made.artifacts.list(9)) == ("github", "list_issues")
    assert owner_of(made.place(), "a.b.c", []) == ("a", "b.c")


def test_try_prints_a_table_and_json_and_writes_when_told_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from coatcheck.cli.commands import coatcheck
    from coatcheck.cli.parts import open_artifacts

    monkeypatch.setenv("COATCHECK_HOME", str(tmp_path))
    made = home(tmp_path)
    [artifact] = made.artifacts.kept.values()
    kept = open_artifacts(tmp_path)
    ref = kept.ref_for("result", artifact.result)
    from dataclasses import replace

    kept.put(replace(artifact, ref=ref, kept_at=NOW, expires_at=NOW + 1000))
    run = CliRunner().invoke
    table = run(coatcheck, ["try", TOOL, "--budget", "300"])
    assert table.exit_code == 0 and "spared" in table.output and "total" in table.output
    rows = json.loads(run(coatcheck, ["try", TOOL, "--mode", "off", "--json"]).output)["rows"]
    assert rows[0]["now_outcome"] == "passed" and rows[0]["net_now_tokens"] == 0
    assert "Nothing of x.y is kept" in run(coatcheck, ["try", "x.y"]).output
    no = run(coatcheck, ["try", TOOL, "--drop", "url", "--write"], input="n\n")
    assert no.exit_code == 0 and '+drop_fields = ["url"]' in no.output
    assert not (tmp_path / "config.toml").exists()
    run(coatcheck, ["try", TOOL, "--drop", "url", "--write"], input="y\n")
    assert config.load(tmp_path / "config.toml", {}).rule(*TOOL.split(".")).drop_fields == ("url",)
    again = run(coatcheck, ["try", TOOL, "--drop", "url", "--write"])
    assert "says so already" in again.output
