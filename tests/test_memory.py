"""What wrapped servers take of memory after a mixed load of real results."""

import os
import re
import sys
from pathlib import Path

import pytest
from outside import run

SCRIPT = Path(__file__).parent.parent / "scripts" / "bench_memory.py"
MOST_MB = 450


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
@pytest.mark.skipif("COATCHECK_CORPUS" not in os.environ, reason="COATCHECK_CORPUS is not set")
def test_ten_servers_stay_within_450_megabytes_after_300_results_each() -> None:
    command = [sys.executable, str(SCRIPT), "--servers", "10", "--calls", "300"]
    lines = run(command, seconds=600)
    (together,) = [line for line in lines if line.startswith("together: ")]
    found = re.search(r"([\d.]+) MB resident", together)
    assert found
    assert float(found[1]) <= MOST_MB
