"""Give what upstreams call their tools and prompts one stable name each, and find it again."""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from hashlib import blake2b

from coatcheck.types import ConfigError

SEPARATOR = "__"
# Clients put mcp__coatcheck__ (16 characters) or less before a name and models take 64 in all.
MOST_CHARS = 48
_DIGEST_CHARS = 6
_ODD = re.compile(r"[^A-Za-z0-9_-]")


class Names:
    """The names of one kind, tools or prompts, for one session.

    A name once given stays. With flat a name is that of the upstream where no other upstream
    has it; the name with the prefix is understood in any case.
    """

    def __init__(
        self, upstreams: Sequence[str], *, flat: bool = False, reserved: Collection[str] = ()
    ) -> None:
        self._prefixes = {name: prefix(name) for name in upstreams}
        self._flat = flat
        self._reserved = frozenset(reserved)
        self._shown: dict[tuple[str, str], str] = {}
        self._owners: dict[str, tuple[str, str]] = {}

    def learn(self, listed: Mapping[str, Sequence[str]]) -> None:
        """Give names to what the upstreams list, in the order of listed."""
        pairs = [(up, name) for up, names in listed.items() for name in dict.fromkeys(names)]
        counts = Counter(name for _, name in pairs)
        for pair in pairs:
            if pair not in self._shown:
                self._give(pair, alone=counts[pair[1]] == 1)

    def _give(self, pair: tuple[str, str], *, alone: bool) -> None:
        name = next(name for name in self._wishes(pair, alone=alone) if name not in self._owners)
        self._shown[pair] = name
        self._owners[name] = pair

    def _wishes(self, pair: tuple[str, str], *, alone: bool) -> Iterator[str]:
        upstream, name = pair
        fits = len(name) <= MOST_CHARS and name not in self._reserved
        if self._flat and alone and fits and not self._is_prefixed(name):
            yield name
        full = self._prefixes[upstream] + SEPARATOR + name
        if len(full) <= MOST_CHARS:
            yield full
        for length in range(_DIGEST_CHARS, 33):
            digest = blake2b(f"{upstream}\0{name}".encode(), digest_size=16).hexdigest()[:length]
            yield f"{full[: MOST_CHARS - length - 1]}_{digest}"

    def shown(self, upstream: str, name: str) -> str:
        """Return the name that the agent sees; it must have been learned."""
        return self._shown[upstream, name]

    def owner(self, shown: str) -> tuple[str, str] | None:
        """Return upstream and name of what the agent calls so, None if nobody can have it.

        What was not listed yet is found by its prefix.
        """
        return self._owners.get(shown) or self._by_prefix(shown)

    def knows(self, shown: str) -> bool:
        """Tell whether this name was given."""
        return shown in self._owners

    def _by_prefix(self, shown: str) -> tuple[str, str] | None:
        for upstream, start in self._prefixes.items():
            if shown.startswith(start + SEPARATOR):
                return upstream, shown[len(start + SEPARATOR) :]
        return None

    def _is_prefixed(self, name: str) -> bool:
        return self._by_prefix(name) is not None


def prefix(upstream: str) -> str:
    """Return what stands before the names of an upstream: letters, digits, - and _ only."""
    return _ODD.sub("_", upstream)


def check(upstreams: Sequence[str], where: str) -> None:
    """Refuse upstreams whose names would be mixed up. Raises: ConfigError."""
    starts = [(prefix(name) + SEPARATOR, name) for name in upstreams]
    for start, name in starts:
        for other_start, other in starts:
            if name != other and other_start.startswith(start):
                raise ConfigError(
                    f"{where}: the tools of upstreams.{name} and upstreams.{other} could not be"
                    " told apart; rename one of them"
                )
