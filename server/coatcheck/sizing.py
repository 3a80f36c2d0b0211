"""Estimate how many tokens a text costs, without a vocabulary."""

BYTES_PER_TOKEN = 3.3


def estimate(text: str) -> int:
    """Return the estimated o200k_base tokens of text; the same number for the same text, always."""
    return round(len(text.encode("utf-8", "replace")) / BYTES_PER_TOKEN)
