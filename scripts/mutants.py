"""Break each law on purpose and show that its test fails.

Usage: python scripts/mutants.py [--only 4,9] [--jobs N]

Each mutant is one replacement in a copy of the tree; the original never changes. Exit code 1 when
a mutant survives, 2 when a replacement no longer fits the code.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
TREES = ("server", "adapters", "tests")
SECONDS = 300


@dataclass(frozen=True, slots=True)
class Mutant:
    """One defect: where it is put, and the law whose test must see it."""

    law: int
    what: str
    file: str
    old: str
    new: str


RENDER = "            text = view.render(  # render\n"

MUTANTS = (
    Mutant(
        1,
        "skip keeping the artifact",
        "server/coatcheck/pipeline.py",
        "self.artifacts.put(self._for_its_time(artifact, rule, session))  # keep, then send",
        "self._for_its_time(artifact, rule, session)",
    ),
    Mutant(
        2,
        "send a view that is bigger than the result",
        "server/coatcheck/pipeline.py",
        "if len(sent) >= len(result) or estimate(text) >= plan.most_tokens:",
        "if not text:",
    ),
    Mutant(
        3,
        "let a failing store fail the call",
        "server/coatcheck/pipeline.py",
        "except (StoreError, OSError) as error:\n            logger.warning(",
        "except KeyError as error:\n            logger.warning(",
    ),
    Mutant(
        4,
        "drop a row silently",
        "server/coatcheck/pipeline.py",
        RENDER,
        "            kept = reduction.text.split('\\n')[:-1]\n"
        "            reduction = replace(reduction, text='\\n'.join(kept))\n" + RENDER,
    ),
    Mutant(
        5,
        "reformat a number",
        "server/coatcheck/pipeline.py",
        RENDER,
        "            reduction = replace(reduction, text=reduction.text.replace('0.10', '0.1'))\n"
        + RENDER,
    ),
    Mutant(
        6,
        "let the order of a set into the view",
        "server/coatcheck/reducers/__init__.py",
        "def reduce(text: str, aim: Aim) -> Reduction | None:",
        "def reduce(text: str, aim: Aim) -> Reduction | None:\n"
        "    from dataclasses import replace as r\n"
        "    found = _reduce(text, aim)\n"
        "    mixed = ' '.join(set(found.text.split()[:9])) if found else ''\n"
        "    return found and r(found, text=found.text + mixed)\n\n\n"
        "def _reduce(text: str, aim: Aim) -> Reduction | None:",
    ),
    Mutant(
        7,
        "lose the error flag",
        "server/coatcheck/body.py",
        'spans.without(result, {"content", "structuredContent"})',
        'spans.without(result, {"content", "structuredContent", "isError"})',
    ),
    Mutant(
        8,
        "lose the cursor of a document",
        "server/coatcheck/pipeline.py",
        RENDER,
        "            reduction = replace(reduction, text=reduction.text.replace('c-77af', ''))\n"
        + RENDER,
    ),
    Mutant(
        9,
        "believe a forged header",
        "server/coatcheck/pipeline.py",
        "return bool(ref) and self.artifacts.has_view(ref, text)",
        "return bool(ref)",
    ),
    Mutant(
        10,
        "ignore the budget",
        "server/coatcheck/pipeline.py",
        "budget_tokens=min(most, max(LEAST_TOKENS, round(SHARE * tokens))),",
        "budget_tokens=tokens // 2,",
    ),
    Mutant(
        11,
        "leave look-alike headers as they are",
        "server/coatcheck/view.py",
        "    body = escape(reduction.text)",
        "    body = reduction.text",
    ),
    Mutant(
        12,
        "shorten a request for input",
        "server/coatcheck/body.py",
        'final=parsed.get("resultType", "complete") == "complete" and "task" not in parsed,',
        "final=True,",
    ),
    Mutant(
        13,
        "book no passes",
        "server/coatcheck/desk.py",
        "        if self._is_whole_again(call, outgoing):\n",
        "        if not outgoing.ref:\n            return\n"
        "        if self._is_whole_again(call, outgoing):\n",
    ),
    Mutant(
        14,
        "let what happened since change the list",
        "server/coatcheck/desk.py",
        "        listing = catalogue.change(",
        "        self.shortened = {'read'} if self._definitions_booked else set()\n"
        "        listing = catalogue.change(",
    ),
    Mutant(
        2,
        "leave structuredContent in a shortened result",
        "server/coatcheck/body.py",
        'spans.without(result, {"content", "structuredContent"})',
        'spans.without(result, {"content"})',
    ),
)


def survives(mutant: Mutant) -> bool | None:
    """Return whether the law's test passes in spite of mutant; None when it does not fit."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder)
        for name in TREES:
            shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", tree)
        path = tree / mutant.file
        code = path.read_text("utf-8")
        if code.count(mutant.old) != 1:
            return None
        path.write_text(code.replace(mutant.old, mutant.new), "utf-8")
        roots = os.pathsep.join([str(tree / "server"), str(tree / "adapters")])
        laws = ["tests/test_laws.py", "-k", f"law_{mutant.law}_"]
        command = [sys.executable, "-m", "pytest", "-q", "-x", *laws]
        environment = {**os.environ, "PYTHONPATH": roots, "PYTHONDONTWRITEBYTECODE": "1"}
        ran = subprocess.run(
            command, cwd=tree, env=environment, capture_output=True, timeout=SECONDS, check=False
        )
        return ran.returncode == 0


def main() -> int:
    """Run the mutants; print one line each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="laws, as in 4,9")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    args = parser.parse_args()
    wanted = {int(law) for law in args.only.split(",") if law}
    chosen = [m for m in MUTANTS if not wanted or m.law in wanted]
    with ThreadPoolExecutor(args.jobs) as pool:
        results = list(pool.map(survives, chosen))
    words = {None: "DOES NOT FIT", True: "SURVIVES", False: "caught"}
    for mutant, result in zip(chosen, results, strict=True):
        print(f"law {mutant.law:2}  {words[result]:12}  {mutant.what}")
    caught = results.count(False)
    print(f"{caught} of {len(chosen)} caught")
    return 2 if None in results else int(True in results)


if __name__ == "__main__":
    sys.exit(main())
