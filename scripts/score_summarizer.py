"""Score the summarizer on a corpus against a scripted model on the loopback.

Usage: COATCHECK_CORPUS=DIR python scripts/score_summarizer.py --model good|lazy|vacuous|liar|none
       [--open] [--agent MODEL] [--turns N]

DIR holds *.jsonl; its parent holds score.py. --open takes gate, trigger and target off. A scripted
model proves the plumbing, not what a real one points at.
"""

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from fake_messages import Body, Fake, Model, lazy, liar, serving, vacuous
from fakes import MemoryArtifacts
from score_corpus import scorer

from coatcheck import reducers
from coatcheck.pipeline import Outgoing, Pipeline
from coatcheck.reducers import clip
from coatcheck.spans import dumps
from coatcheck.summarize.answers import Answers
from coatcheck.summarize.client import Api
from coatcheck.summarize.economics import Decision, Price, prices
from coatcheck.summarize.forms import Form
from coatcheck.summarize.history import History
from coatcheck.summarize.pointer import Pointer
from coatcheck.types import Aim, Call, Reduction, Rule, SummarizerSettings

MODELS: Mapping[str, Model] = {"lazy": lazy, "vacuous": vacuous, "liar": liar}
WIDEST = (2, 3, 4, 6, 10)


def good(score: Any, item: dict[str, Any]) -> Model:
    """Return a model that knows the probes of item: it points at the passages that hold them."""

    def model(passages: Any, task: str) -> Body:
        seen = {number: score.View(text) for number, text in passages.items()}
        whole = score.View("\n".join(passages.values()))
        keep: list[tuple[int, int]] = []
        quotes = []
        for probe in item["keep"]:
            if any(seen[first].has(probe) for first, _ in keep):
                continue
            where = next(((n, n) for n in passages if seen[n].has(probe)), None)
            where = where or spread(score, passages, probe)
            keep += [where] if where else []
            quotes += [probe] if not where and whole.has(probe) else []
        short = (p for p in item["keep"] if 3 < len(p) < 80 and '"' not in p)
        said = next((p for p in short if any(p in text for text in passages.values())), "")
        ranges = [{"first": first, "last": last} for first, last in keep]
        text = f'The result says "{said}".' if said else ""
        return {"text": text, "keep": ranges, "quotes": quotes}

    return model


def spread(score: Any, passages: Any, probe: str) -> tuple[int, int] | None:
    """Return the first few neighbours that hold probe together."""
    for width in WIDEST:
        for first in passages:
            texts = [passages.get(n, "") for n in range(first, first + width)]
            if first + width - 1 in passages and score.View("\n".join(texts)).has(probe):
                return first, first + width - 1
    return None


class Unbounded(Pointer):
    """A summarizer that is asked about everything and shows all that it points at."""

    def target(self, rule: Rule, text: str) -> int:
        """Return so little that no answer is thin."""
        return 1

    def _decided(
        self, call: Call, form: Form, planned: Reduction, target: int, price: Price
    ) -> tuple[Decision, str]:
        return super()._decided(call, form, planned, 0, price)

    def _is_wanted(self, aim: Aim, planned: Reduction, target_tokens: int) -> bool:
        return True


def settings_for(args: argparse.Namespace) -> SummarizerSettings:
    """Return the settings of this run."""
    settings = SummarizerSettings(
        consent=True, agent_model=args.agent, soft_seconds=30, hard_seconds=40, daily_usd=1e9
    )
    settings = replace(settings, monthly_usd=1e9)
    if args.open:
        # An agent so dear that everything pays.
        dear = {"input": 1e4, "output": 1e4, "cache_write": 1e4, "cache_read": 1e4}
        settings = replace(settings, least_tokens=1, agent_model="dear", prices={"dear": dear})
    return settings


def run(args: argparse.Namespace) -> None:
    """Shorten every item of the corpus and print the scorer's table and the costs."""
    folder = Path(os.environ["COATCHECK_CORPUS"])
    score = scorer(folder)
    items = score.load([folder])
    views: dict[str, str] = {}
    made: list[Outgoing] = []
    with serving(Fake(model=MODELS.get(args.model, lazy))) as fake:
        settings = settings_for(args)
        api = Api(lambda: "key", hard_seconds=40, base_url=fake.url)
        kind = Unbounded if args.open else Pointer
        past = History(turns=args.turns, refetch_rate=0.0 if args.open else 0.05)
        pointer = kind(settings, api, Answers(None), reducers.reduce, history=lambda _: past)
        asked = None if args.model == "none" else pointer
        line = Pipeline(MemoryArtifacts(), reducers.reduce, clip.reduce, asked)
        for item in items:
            if args.model == "good":
                fake.model = good(score, item)
            upstream, _, tool = item["tool"].rpartition(".")
            call = Call(upstream, tool, b"{}", item.get("focus") or "")
            result = dumps({"content": [{"type": "text", "text": item["text"]}]})
            made.append(line.shorten(call, result, Rule()))
            views[item["id"]] = made[-1].view or item["text"]
        api.close()
    tok = score.Tok("o200k_base")
    before = {item["id"]: tok.n(item["text"]) for item in items}
    score.report(score.score(items, views, None, tok, before), args.model)
    costs(made, args, settings)


def costs(made: list[Outgoing], args: argparse.Namespace, settings: SummarizerSettings) -> None:
    """Print how many items took which way, and what that cost at list prices."""
    eligible = [outgoing for outgoing in made if outgoing.summary.decision]
    asked = [outgoing for outgoing in eligible if outgoing.summary.input_tokens]
    usd = sum(outgoing.summary.micro_usd for outgoing in made) / 1e6
    table = prices(settings.prices)
    print(
        f"eligible {len(eligible)}, asked {len(asked)}, summarized"
        f" {sum(outgoing.outcome == 'summarized' for outgoing in made)};"
        f" {sum(o.summary.input_tokens for o in made):,} tokens in,"
        f" {sum(o.summary.output_tokens for o in made):,} out, {usd:.4f} USD"
        f" ({settings.model}, prices of {table.date}; agent {settings.agent_model},"
        f" {args.turns} turns)"
    )
    kinds = Counter(outgoing.reason.partition(":")[0] for outgoing in eligible)
    print("reasons:", json.dumps({why: count for why, count in kinds.items() if why}))
    for outgoing in eligible[: args.decisions]:
        print(outgoing.outcome, "|", outgoing.summary.decision)


def main() -> None:
    """Parse the command line and do what it says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", choices=["good", "none", *MODELS], default="good")
    parser.add_argument("--open", action="store_true")
    parser.add_argument("--agent", default="claude-opus-5-5")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--decisions", type=int, default=5, help="print so many, with the inputs")
    run(parser.parse_args())


if __name__ == "__main__":
    main()
