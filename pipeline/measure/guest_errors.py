"""What a guest and its runtime left of a failure: standard error, and the functions in which it trapped."""

from __future__ import annotations

from pipeline.measure.worker_messages import Ran

#: Of standard error in a reason: lines, and characters of each.
_LINES, _LINE = 4, 160
_FUNCTIONS = 6
#: What C libraries and runtimes do between a program's fault and its end: of no use to a reader.
_LATE = {"abort", "raise", "_Exit", "__assert_fail", "__assert", "exit", "_exit"}
_EARLY = {"_start", "__main_void", "__original_main", "main.command_export", "_start.command_export"}


def explained(what: str, answer: Ran) -> str:
    """What happened, the first lines of standard error, and the functions from the innermost outwards."""
    lines = _printed(answer.stderr)
    shown = " | ".join(line[:_LINE] for line in lines[:_LINES])
    if len(lines) > _LINES:
        shown += (
            f" | and {len(lines) - _LINES} lines more" if len(lines) > _LINES + 1 else " | and a line more"
        )
    parts = [what] if what else []
    if shown:
        parts.append(f"standard error: {shown}")
    if functions := _functions(answer.backtrace):
        parts.append(f"in {', called by '.join(functions)}")
    return "; ".join(parts)


def _printed(stderr: str) -> list[str]:
    # A character a byte; a worker that says anything else is read all the same.
    text = stderr.encode("latin-1", "replace").decode("utf-8", "replace")
    return [line.strip() for line in text.splitlines() if line.strip()]


def _functions(backtrace: list[str]) -> list[str]:
    """The program's own functions of a backtrace; all of it where there are none."""
    own = [name for name in backtrace if name not in _LATE | _EARLY]
    return (own or backtrace)[:_FUNCTIONS]
