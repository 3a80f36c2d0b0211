"""Sets of words written as one text."""


def words(listed: str) -> frozenset[str]:
    """Return the words in listed, parted by white space, as a set."""
    return frozenset(listed.split())
