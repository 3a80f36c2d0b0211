"""Read from the ledger what a decision about a summary needs."""

from pathlib import Path

import pytest

from coatcheck.ledger import LedgerWriter
from coatcheck.ledger.outlook import DAY_SECONDS, Outlook, outlook
from coatcheck.types import Entry

NOON = 1_795_348_800.0  # 2026-11-22, 12:00 UTC


def call(ref: str, **more: object) -> Entry:
    return Entry("call", NOON, upstream="u", tool="t", ref=ref, outcome="selected", **more)  # type: ignore[arg-type]  # columns of an entry


def test_an_absent_ledger_knows_nothing(tmp_path: Path) -> None:
    assert outlook(tmp_path, "u", "t", NOON) == Outlook()


def test_money_is_summed_by_day_and_month(tmp_path: Path) -> None:
    ledger = LedgerWriter(tmp_path)
    for days, dollars in ((0, 1), (2, 10), (40, 100)):
        at = NOON - days * DAY_SECONDS
        ledger.append(Entry("summary", at, summary_micro_usd=dollars * 1_000_000))
    ledger.close()
    found = outlook(tmp_path, "u", "t", NOON)
    assert (found.today_usd, found.month_usd) == pytest.approx((1.0, 11.0))


def test_the_share_that_was_fetched_again_is_told_once_enough_was_seen(tmp_path: Path) -> None:
    for seen, expected in ((4, None), (5, 0.2)):
        ledger = LedgerWriter(tmp_path / str(seen))
        for n in range(seen):
            ledger.append(call(f"cc_{n}"))
        for _ in range(3):
            ledger.append(Entry("fetch", NOON, upstream="u", tool="t", ref="cc_0"))
        ledger.close()
        assert outlook(tmp_path / str(seen), "u", "t", NOON).refetch_rate == expected
