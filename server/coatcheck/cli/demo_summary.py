"""The part of the demo that a model has a say in: a recording in its place, or a live one."""

import json
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coatcheck import reducers, spans
from coatcheck.cli.parts import open_artifacts, pipeline
from coatcheck.cli.place import Place, place
from coatcheck.config import Config
from coatcheck.pipeline import Outgoing
from coatcheck.types import Call, Rule, SummarizerSettings

if TYPE_CHECKING:
    from coatcheck.summarize.client import Reply
    from coatcheck.summarize.pointer import Line

FILE = "pragma.html"
ANSWER = "answer.json"
# What decides that the page is worth reading; nothing is paid.
PRICE = {"input": 0.1, "output": 0.5}
RECORDED = (
    "A model reads long results if you agree (`coatcheck config summarizer`). What follows is a"
    " RECORDING\nin place of a model's answer, written by hand: no model was asked. It went through"
    " the same check."
)
LIVE = "{model} was asked: {tokens:,} tokens in, ${usd:.4f}, {seconds:.1f} s."


class Recording:
    """As much of the Api as a Pointer uses: the same answer to everything, at once."""

    def __init__(self, answer: Mapping[str, Any], model: str) -> None:
        self._text = json.dumps(answer)
        self._model = model

    def ask(self, body: Mapping[str, Any]) -> "Future[Reply]":
        """Return the recording."""
        from coatcheck.summarize.client import Reply
        from coatcheck.summarize.economics import Usage

        future: Future[Reply] = Future()
        future.set_result(Reply(self._text, self._model, Usage(), 0.0))
        return future

    def close(self) -> None:
        """Have nothing to close."""


def summarized(data: Path, state: Path, *, live: bool) -> tuple[str, Outgoing, str]:
    """Return what the agent looks for, what it gets of the page, and who has answered.

    Raises: ConfigError.
    """
    recorded = json.loads((data / ANSWER).read_text("utf-8"))
    focus = str(recorded["focus"])
    if not live:
        model = str(recorded["model"])
        settings = SummarizerSettings(model=model, prices={model: PRICE})
        outgoing = _shortened(data, state, focus, settings, Recording(recorded["answer"], "none"))
        return focus, outgoing, RECORDED
    from coatcheck.cli.summarizer import api

    at = place()
    usual = SummarizerSettings().agent_model  # of a cheaper one the page might not be worth it
    settings = replace(at.config.summarizer, profile="background", routes=(), agent_model=usual)
    outgoing = _shortened(data, state, focus, settings, api(at))
    summary = outgoing.summary
    said = LIVE.format(
        model=settings.model,
        tokens=summary.input_tokens,
        usd=summary.micro_usd / 1e6,
        seconds=summary.milliseconds / 1e3,
    )
    return focus, outgoing, said


def _shortened(
    data: Path, state: Path, focus: str, settings: SummarizerSettings, line: "Line"
) -> Outgoing:
    from coatcheck.summarize.answers import Answers
    from coatcheck.summarize.pointer import Pointer

    pointer = Pointer(settings, line, Answers(None), reducers.reduce)
    try:
        shortens = pipeline(Place(state, Config()), open_artifacts(state), summarizer=pointer)
        text = (data / FILE).read_text("utf-8")
        result = spans.dumps({"content": [{"type": "text", "text": text}]})
        return shortens.shorten(Call("demo", "read_page", b"{}", focus), result, Rule())
    finally:
        pointer.close()
