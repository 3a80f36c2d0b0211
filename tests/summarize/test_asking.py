"""Answer a question about an artifact."""

from collections.abc import Iterator
from dataclasses import replace

import anthropic
import pytest
from fake_messages import Fake, knowing, liar, serving
from fakes import ListLedger, MemoryArtifacts
from made_up import LOG, PROSE

from coatcheck import reducers
from coatcheck.desk import Desk
from coatcheck.fetch import fetch
from coatcheck.pipeline import Pipeline
from coatcheck.reducers import clip
from coatcheck.spans import dumps
from coatcheck.summarize.asking import Asker
from coatcheck.summarize.client import Api
from coatcheck.summarize.economics import prices
from coatcheck.summarize.history import History
from coatcheck.types import Artifact, Call, Rule, Session, SummarizerSettings, Summary

assert anthropic.__version__ >= "2"
CALL = Call("docs", "read")
REF = "cc_7f3k9m2q4x1b"
SETTINGS = SummarizerSettings(consent=True, hard_seconds=8.0)


@pytest.fixture(scope="module")
def server() -> Iterator[Fake]:
    with serving(Fake()) as fake:
        yield fake


@pytest.fixture
def api(server: Fake) -> Iterator[Api]:
    server.model, server.always = knowing("speaks of topic 5 "), ""
    server.requests.clear()
    made = Api(lambda: "key", hard_seconds=8.0, base_url=server.url)
    yield made
    made.close()


def asker(api: Api, past: History = History()) -> Asker:  # noqa: B008  # frozen
    return Asker(SETTINGS, api, prices(), reducers.reduce, lambda _: past)


def kept(text: str, **more: object) -> MemoryArtifacts:
    artifacts = MemoryArtifacts()
    result = dumps({"content": [{"type": "text", "text": text}], **more})
    artifacts.put(Artifact(REF, result, CALL))
    return artifacts


def test_an_answer_comes_with_the_passages_that_prove_it(api: Api) -> None:
    fetched = fetch(kept(PROSE), {"ref": REF, "ask": "what of topic 5?"}, asker(api))
    lines = fetched.text.split("\n")
    assert fetched.verb == "ask"
    assert lines[0].startswith("[coatcheck: 1 of 300 lines shown.")
    assert lines[1].startswith("answer (claude-haiku-5-5, values checked): The result says")
    assert lines[2] == "@23:"
    assert lines[3] in PROSE.split("\n")


def test_the_second_question_reads_the_artifact_from_the_cache(api: Api, server: Fake) -> None:
    ask, text = asker(api), f"{PROSE}\nasked about twice"
    first, second = ask(CALL, text, "what of topic 5?"), ask(CALL, text, "and of topic 6?")
    one, two = server.requests
    assert one["messages"][0]["content"][0] == two["messages"][0]["content"][0]
    assert one["system"] == two["system"]
    assert one["messages"][0]["content"][1] != two["messages"][0]["content"][1]
    assert " 0 read" in first.decision
    assert "cache: 0 written, " in second.decision
    assert not second.decision.endswith(" 0 read")
    assert second.micro_usd < first.micro_usd / 4
    assert (first.cache_read_tokens, second.cache_write_tokens) == (0, 0)
    assert second.cache_read_tokens == first.cache_write_tokens > 0.95 * second.input_tokens


def test_a_small_artifact_is_under_the_minimum_of_the_cache(api: Api) -> None:
    small = "\n".join(PROSE.split("\n")[:4])
    settled = replace(SETTINGS, model="claude-haiku-4-5")
    ask = Asker(settled, api, prices(), reducers.reduce)
    ask(CALL, small, "what?")
    assert ask(CALL, small, "why?").decision == "ask; cache: 0 written, 0 read"


@pytest.mark.parametrize("fault", ["500", "html", "refusal", "prose", "401", ""])
def test_without_an_answer_it_finds_and_says_so(api: Api, server: Fake, fault: str) -> None:
    server.always, server.model = fault, liar
    fetched = fetch(kept(PROSE), {"ref": REF, "ask": "topic 5"}, asker(api))
    found = fetch(kept(PROSE), {"ref": REF, "find": "topic 5"})
    first, _, rest = fetched.text.partition("\n")
    assert rest == found.text.partition("\n")[2]
    assert "; not answered, " in first
    assert fetched.verb == "ask"


def test_without_a_key_it_finds_and_says_so() -> None:
    fetched = fetch(kept(PROSE), {"ref": REF, "ask": "topic 5"})
    assert "; not answered, no model may be asked]" in fetched.text.partition("\n")[0]
    assert "topic 5 " in fetched.text


def test_an_asker_that_breaks_leaves_what_find_finds(caplog: pytest.LogCaptureFixture) -> None:
    def broken(call: Call, text: str, question: str) -> Summary:
        raise ZeroDivisionError

    caplog.set_level("CRITICAL")
    fetched = fetch(kept(PROSE), {"ref": REF, "ask": "topic 5"}, broken)
    assert "; not answered, summarizer failed]" in fetched.text
    assert not fetched.is_error


def test_results_that_report_an_error_are_never_asked_about(api: Api, server: Fake) -> None:
    fetch(kept(LOG, isError=True), {"ref": REF, "ask": "what failed?"}, asker(api))
    assert server.requests == []


def test_the_caps_hold_for_questions(api: Api, server: Fake) -> None:
    past = History(spent_today_usd=1.0)
    fetched = fetch(kept(PROSE), {"ref": REF, "ask": "topic 5"}, asker(api, past))
    assert "summarizer over its daily cap" in fetched.text
    assert server.requests == []


def test_the_cost_of_an_answer_is_booked_with_the_fetch(api: Api) -> None:
    ledger = ListLedger()
    line = Pipeline(kept(PROSE), reducers.reduce, clip.reduce)
    desk = Desk("docs", Session("s"), lambda _: Rule(), line, ledger, asker=asker(api))
    params = {"name": "fetch_artifact", "arguments": {"ref": REF, "ask": "what of topic 5?"}}
    desk.answer("tools/call", params)
    (entry,) = ledger.entries
    assert (entry.kind, entry.verb) == ("fetch", "ask")
    assert entry.summary_micro_usd > 0
    assert entry.decision.startswith("ask; cache: ")
    cached = entry.summary_cache_write_tokens + entry.summary_cache_read_tokens
    assert cached > 0.9 * entry.summary_input_tokens
