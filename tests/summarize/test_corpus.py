"""The guard over real tool outputs."""

import json
import os
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_messages import liar

from coatcheck import reducers
from coatcheck.summarize import pointing
from coatcheck.summarize.forms import Form, form_of
from coatcheck.summarize.guard import flat, is_sound, source
from coatcheck.types import Aim

EVERY = 5


def items() -> Iterator[dict[str, Any]]:
    folder = os.environ.get("COATCHECK_CORPUS")
    if not folder:
        pytest.skip("COATCHECK_CORPUS names no corpus")
    for path in sorted(Path(folder).glob("*.jsonl")):
        for number, line in enumerate(path.read_text("utf-8").splitlines()):
            if number % EVERY == 0:
                yield json.loads(line)


def forms() -> Iterator[tuple[str, Form]]:
    for item in items():
        yield item["text"], form_of(item["text"], Aim(1, tool=item["tool"]), reducers.reduce)


def test_no_value_that_is_absent_from_the_artifact_passes() -> None:
    chance = random.Random(11)
    for text, form in forms():
        known = source(text, form.text)
        values = re.findall(r"[A-Za-z]*\d[\w.-]*\w|[A-Z][a-z]+[A-Z]\w+", known.text[:40_000])
        for value in chance.sample(sorted(set(values)), min(10, len(set(values)))):
            place = chance.randrange(len(value))
            other = value[:place] + chance.choice("0123456789Q") + value[place:]
            if other not in known.text and other not in known.unseparated:
                assert not is_sound(f"The value is {other} here.", known)


def test_a_liar_is_believed_nowhere() -> None:
    for text, form in forms():
        passages = {n: p.text for n, p in enumerate(form.passages, 1)}
        answer = pointing.parse(json.dumps(liar(passages, "")))
        assert pointing.check(answer, form, text).trust == "none"


def test_every_passage_can_be_pointed_at_and_is_shown_word_for_word() -> None:
    for text, form in forms():
        if len(form.passages) < 3:
            continue
        where = len(form.passages) // 2
        answer = pointing.Answer("", ((where, where),), ())
        found = pointing.check(answer, form, text)
        made = pointing.pointed(found, form, "m", target_tokens=9_000, budget_tokens=1_500)
        assert made is not None
        assert form.passages[where - 1].text.rstrip() in made.text
        shown = [x for x in made.text.split("\n") if not re.fullmatch(r"[@#][\d-]+:", x)]
        laid = flat(form.text)
        assert all(flat(line) in laid for line in shown)
