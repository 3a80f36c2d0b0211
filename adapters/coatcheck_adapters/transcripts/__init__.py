"""Where agent clients keep their transcripts, and what stands in them: one file per client."""

from coatcheck.transcripts import Transcripts
from coatcheck_adapters.transcripts.claude_code import ClaudeCode
from coatcheck_adapters.transcripts.codex import Codex
from coatcheck_adapters.transcripts.copilot import Copilot
from coatcheck_adapters.transcripts.gemini import Gemini
from coatcheck_adapters.transcripts.qwen import Qwen

TRANSCRIPTS: tuple[Transcripts, ...] = (ClaudeCode(), Codex(), Gemini(), Qwen(), Copilot())
