"""Mask what looks like a secret before a text leaves the machine."""

import re

# Prefixes that providers document for their keys and tokens, then forms that are secret whatever
# their provider. Only whole values are masked, so that what is around them stays readable.
SECRET = re.compile(
    r"""
      \bgh[pousr]_[A-Za-z0-9]{20,}           # GitHub
    | \bgithub_pat_[A-Za-z0-9_]{20,}
    | \bglpat-[\w-]{16,}                     # GitLab
    | \b(?:AKIA|ASIA|AGPA|AIDA|AROA)[0-9A-Z]{16}\b   # AWS
    | (?<=aws_secret_access_key=)[A-Za-z0-9/+=]{40}
    | \bsk-(?:ant-|proj-)?[\w-]{20,}         # Anthropic, OpenAI
    | \b[sr]k_(?:live|test)_[A-Za-z0-9]{16,} # Stripe
    | \bwhsec_[A-Za-z0-9]{20,}
    | \bxox[abeoprs]-[\w-]{10,}              # Slack
    | \bxapp-\d-[\w-]{10,}
    | \bAIza[\w-]{30,}                       # Google
    | \bya29\.[\w-]{20,}
    | \bGOCSPX-[\w-]{20,}
    | \bnpm_[A-Za-z0-9]{30,}                 # npm
    | \bpypi-[\w-]{30,}                      # PyPI
    | \bhf_[A-Za-z0-9]{20,}                  # Hugging Face
    | \bSG\.[\w-]{16,}\.[\w-]{16,}           # SendGrid
    | \bkey-[0-9a-f]{32}\b                   # Mailgun
    | \bAC[0-9a-f]{32}\b | \bSK[0-9a-f]{32}\b        # Twilio
    | \bdop_v1_[0-9a-f]{40,}                 # DigitalOcean
    | \bshp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}   # Shopify
    | \blin_api_[A-Za-z0-9]{20,}             # Linear
    | \bntn_[A-Za-z0-9]{20,}                 # Notion
    | \bdapi[0-9a-f]{32}\b                   # Databricks
    | \bATATT[\w=-]{20,}                     # Atlassian
    | \beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}        # JSON web tokens
    | -----BEGIN[ ][A-Z ]*PRIVATE[ ]KEY-----[\s\S]*?(?:-----END[ ][A-Z ]*PRIVATE[ ]KEY-----|\Z)
    | (?<=://)[^\s:/@"']{1,64}:[^\s:/@"']{1,200}(?=@)        # user:password in an address
    | (?i:(?<=authorization:\ bearer\ )[^\s"',]{8,})
    | (?i:(?<=authorization:\ basic\ )[^\s"',]{8,})
    """,
    re.VERBOSE,
)
# A value that its own name calls secret.
NAMED = re.compile(
    r"(?i)((?:password|passwd|secret|api[_-]?key|access[_-]?token|auth[_-]?token"
    r"|client[_-]?secret|private[_-]?key)[\w-]{0,20}[\"']?\s*[:=]\s*[\"']?)([^\s\"',;}{\]\[()<>]{8,})"
)
MARK = "[secret-"


class Mask:
    """Puts marks in place of secrets, the same mark for the same secret, and back again."""

    def __init__(self) -> None:
        self._marks: dict[str, str] = {}

    def hide(self, text: str) -> str:
        """Return text with a mark in place of each secret."""
        text = SECRET.sub(lambda found: self._mark(found[0]), text)
        return NAMED.sub(lambda found: found[1] + self._mark(found[2]), text)

    def restore(self, text: str) -> str:
        """Return text with each mark replaced by its secret."""
        for secret, mark in self._marks.items():
            text = text.replace(mark, secret)
        return text

    @property
    def count(self) -> int:
        """How many different secrets were hidden."""
        return len(self._marks)

    def _mark(self, secret: str) -> str:
        if secret.startswith(MARK):
            return secret
        return self._marks.setdefault(secret, f"{MARK}{len(self._marks) + 1}]")
