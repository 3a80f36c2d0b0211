"""Remember which call a task stands for, until its result comes."""

from collections.abc import Sequence

from coatcheck import inner, spans
from coatcheck.types import Call

# Most tasks of a session whose calls are remembered, and the size of what names one.
MOST_TASKS, TASK_BYTES = 1_000, 1 << 16


class Tasks:
    """The calls of one session that were answered with a task."""

    def __init__(self) -> None:
        self._calls: dict[str, Call] = {}  # by task

    def note(self, call: Call, line: bytes) -> None:
        """Remember call if line, the answer to it, names a task that was made for it."""
        if len(line) >= TASK_BYTES or b'"taskId"' not in line:
            return
        answer = spans.loads(line)
        task = inner.created_task(answer.get("result") if isinstance(answer, dict) else None)
        if task and len(self._calls) < MOST_TASKS:
            self._calls[task] = call

    def take(self, result: bytes) -> Call | None:
        """Return the call of the task whose result this is, once; None if it is not known."""
        return self._calls.pop(inner.related_task(spans.loads(result)), None)

    @property
    def calls(self) -> Sequence[Call]:
        """Return the calls whose results have not come."""
        return list(self._calls.values())
