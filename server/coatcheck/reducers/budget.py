"""Hold what a reducer writes to its budget, whatever the parts were estimated at."""

from collections.abc import Callable

from coatcheck.sizing import estimate
from coatcheck.types import Reduction

TRIES = 4
# With nothing sought, leaving out any passage is a guess, and one wrong guess costs fetching the
# whole. What drops nothing but announced boilerplate may then cost so many budgets: the ceiling of
# a view is two budgets, header included.
WHOLE = 1.9


def tightened(make: Callable[[int], Reduction], budget: int) -> Reduction:
    """Return make(room) for the first room, from budget down, whose text costs at most budget.

    After TRIES the last and smallest is returned, also when it still costs more.
    """
    room = budget
    made = make(room)
    for _ in range(TRIES - 1):
        cost = estimate(made.text)
        if cost <= budget:
            break
        room = max(1, room * budget // cost - 5)
        made = make(room)
    return made
