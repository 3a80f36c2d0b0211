"""What an agent is told of the savings: a resource everywhere, a prompt where there are prompts."""

import json
from collections.abc import Mapping

import pytest
from fakes import ListLedger, MemoryArtifacts

from coatcheck.desk import Desk
from coatcheck.pipeline import Pipeline
from coatcheck.reducers import clip
from coatcheck.statement import PROMPT, TEMPLATE, Statement
from coatcheck.types import Call, RequestError, Rule, Session

META = {"_meta": {"io.modelcontextprotocol/protocolVersion": "2026-07-28"}}


class FewBooks:
    """The Books Protocol with two words in them."""

    def as_json(self, asked: Mapping[str, str]) -> str:
        if asked.get("by") == "nothing":
            raise ValueError("by is 'nothing'")
        return json.dumps(dict(asked))

    def as_text(self) -> str:
        return "the report"


def desk(arm: str = "") -> Desk:
    kept = MemoryArtifacts()
    return Desk(
        upstream="notes",
        session=Session("s1", arm=arm),  # type: ignore[arg-type]  # one of Arm
        rule_of=lambda tool: Rule(),
        pipeline=Pipeline(kept, clip.reduce, clip.reduce),
        ledger=ListLedger(),
        statement=Statement(FewBooks()),
    )


def prompts(*names: str, **more: object) -> bytes:
    return json.dumps({"prompts": [{"name": name} for name in names], **more}).encode()


def test_the_savings_are_a_resource_with_a_window_and_a_grouping() -> None:
    params = {"uri": "coatcheck://savings?since=7d&by=day"}
    one = desk()
    assert one.answers("resources/read", params)
    [content] = json.loads(one.answer("resources/read", params))["contents"]
    assert content["mimeType"] == "application/json" and content["uri"] == params["uri"]
    assert json.loads(content["text"]) == {"since": "7d", "by": "day"}
    assert not one.answers("resources/read", {"uri": "coatcheck://savingsbank"})
    modern = json.loads(one.answer("resources/read", {**params, **META}))
    assert modern["resultType"] == "complete" and modern["cacheScope"] == "private"


def test_a_report_that_cannot_be_given_is_an_error_of_json_rpc() -> None:
    with pytest.raises(RequestError):
        desk().answer("resources/read", {"uri": "coatcheck://savings?by=nothing"})


def test_the_resource_is_found_in_the_list_of_templates_always_the_same() -> None:
    result = b'{"resourceTemplates":[]}'
    changed = desk().revise("resources/templates/list", None, result, 0.0)
    assert changed is not None
    assert json.loads(changed)["resourceTemplates"][-1] == TEMPLATE
    assert desk().revise("resources/templates/list", None, result, 9.0) == changed


def test_a_prompt_is_offered_last_where_the_upstream_lists_prompts() -> None:
    one = desk()
    assert not one.answers("prompts/get", {"name": "savings"})
    assert one.wants("prompts/list", None, b"{}")
    assert one.revise("prompts/list", None, prompts("a", nextCursor="2"), 0.0) is None
    changed = one.revise("prompts/list", None, prompts("b"), 0.0)
    assert changed is not None and json.loads(changed)["prompts"] == [{"name": "b"}, PROMPT]
    assert one.answers("prompts/get", {"name": "savings"})
    assert not one.answers("prompts/get", {"name": "b"})
    [message] = json.loads(one.answer("prompts/get", {"name": "savings"}))["messages"]
    assert message["role"] == "user" and message["content"]["text"].endswith("the report")


def test_a_prompt_of_the_upstream_with_that_name_stays_its_own() -> None:
    one = desk()
    assert one.revise("prompts/list", None, prompts("savings", nextCursor="2"), 0.0) is None
    assert one.revise("prompts/list", None, prompts("b"), 0.0) is None
    assert not one.answers("prompts/get", {"name": "savings"})


BIG = json.dumps({"content": [{"type": "text", "text": "word \n" * 9000}]}).encode()


def test_a_session_held_out_gets_everything_and_is_booked_as_its_client_shows_it() -> None:
    one = desk("held out")
    one.greet({"clientInfo": {"name": "claude-code"}})
    assert one.session == Session("s1", "claude-code", "", "held out")
    assert not one.wants("tools/list", None, bytes(9)) and not one.wants(
        "prompts/list", None, bytes(9)
    )
    call = Call("notes", "read")
    assert one.wants("tools/call", call, BIG)
    assert one.revise("tools/call", call, BIG, 1.0) is None
    assert isinstance(one.ledger, ListLedger)
    [entry] = one.ledger.entries
    assert (entry.arm, entry.outcome, entry.ref, entry.focus) == ("held out", "passed", "", False)
    assert 0 < entry.counterfactual_tokens < entry.original_tokens


def test_the_arm_of_the_others_is_booked_too() -> None:
    one = desk("shortened")
    assert one.revise("tools/call", Call("notes", "read"), BIG, 1.0) is not None
    assert isinstance(one.ledger, ListLedger)
    assert one.ledger.entries[0].arm == "shortened"
