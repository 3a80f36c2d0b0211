"""The books as Prometheus text: parsable, bounded, and the same numbers as the reports."""

import re
from dataclasses import replace
from pathlib import Path

from ledgers import CALL, written

from coatcheck.ledger import schema
from coatcheck.ledger.metrics import BUCKETS_US, METRICS, MOST_TOOLS, MOST_UPSTREAMS, metrics
from coatcheck.ledger.reader import reading
from coatcheck.types import Entry

SAMPLE = re.compile(
    r'([a-z_]+)(?:\{((?:[a-z]+="(?:[^"\\\n]|\\.)*",?)*)\})? (-?[\d.]+(?:e[+-]\d+)?)\Z'
)
FETCH = replace(CALL, kind="fetch", verb="grep", outcome="passed", view_tokens=30)


def text_of(home: Path, *many: Entry) -> str:
    written(home, *many)
    with reading(home) as db:
        return metrics(db)


def samples(text: str) -> dict[str, float]:
    found = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            match = SAMPLE.match(line)
            assert match, line
            key = line.rpartition(" ")[0]
            assert key not in found
            found[key] = float(match[3])
    return found


def test_every_family_has_its_help_and_type_before_its_samples(tmp_path: Path) -> None:
    text = text_of(tmp_path, CALL, FETCH)
    assert text.endswith("\n") and "\n\n" not in text
    for name, kind, what in METRICS:
        assert f"# HELP coatcheck_{name} {what}\n# TYPE coatcheck_{name} {kind}\n" in text
        assert name.endswith("_total") == (kind == "counter")


def test_calls_fetches_and_tokens_are_counted_by_upstream_and_tool(tmp_path: Path) -> None:
    own = Entry("definitions", CALL.at, upstream="github", view_tokens=130)
    found = samples(text_of(tmp_path, own, CALL, CALL, FETCH, replace(CALL, is_error=True)))
    of = 'upstream="github",tool="list_issues"'
    assert found[f'coatcheck_calls_total{{{of},outcome="selected"}}'] == 3
    assert found[f"coatcheck_errors_total{{{of}}}"] == 1
    assert found[f'coatcheck_fetches_total{{{of},verb="grep"}}'] == 1
    assert found[f"coatcheck_view_tokens{{{of}}}"] == 300
    assert found['coatcheck_own_tokens{upstream="github"}'] == 130
    assert found['coatcheck_net_tokens{base="client"}'] == 3 * 700 - 30 - 130


def test_added_time_is_a_histogram_whose_buckets_add_up(tmp_path: Path) -> None:
    assert set(BUCKETS_US) <= set(schema.BOUNDS)
    times = [replace(CALL, added_ms=ms) for ms in (0.0, 0.6, 3.0, 60_000.0)]
    found = samples(text_of(tmp_path, *times))
    of = 'coatcheck_added_seconds_bucket{upstream="github",le='
    buckets = [found[f'{of}"{most / 1e6:g}"}}'] for most in BUCKETS_US]
    assert buckets == sorted(buckets) and buckets[-1] == 3
    assert (buckets[0], found[f'{of}"0.001"}}'], found[f'{of}"+Inf"}}']) == (1, 2, 4)
    assert found['coatcheck_added_seconds_count{upstream="github"}'] == 4
    assert found['coatcheck_added_seconds_sum{upstream="github"}'] == 60.0036


def test_the_series_are_bounded_and_what_is_over_is_counted_as_other(tmp_path: Path) -> None:
    many = [
        replace(CALL, upstream=f"u{number % 40:02}", tool=f"t{number:04}") for number in range(900)
    ]
    found = samples(text_of(tmp_path, *many))
    calls = {key: value for key, value in found.items() if "calls_total" in key}
    assert sum(calls.values()) == 900
    assert len(calls) <= MOST_TOOLS + MOST_UPSTREAMS + 1
    assert len(found) < 2000
    upstreams = set(re.findall('upstream="([^"]*)"', "\n".join(found)))
    assert len(upstreams) == MOST_UPSTREAMS + 1 and "other" in upstreams


def test_a_tool_that_has_a_series_keeps_it_when_more_come(tmp_path: Path) -> None:
    text_of(tmp_path, replace(CALL, tool="zzz"))
    later = [replace(CALL, tool=f"a{number}", at=CALL.at + 86_400) for number in range(300)]
    assert 'tool="zzz"' in text_of(tmp_path, *later)


def test_names_of_upstreams_cannot_break_a_line(tmp_path: Path) -> None:
    text = text_of(tmp_path, replace(CALL, tool='a"b\\c\nd'))
    assert 'tool="a\\"b\\\\c\\nd"' in text
    samples(text)
