"""Tables and lines as plain text, for a terminal or a .txt file. Rich is imported only when it is used."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal

from pipeline.core.text import printable

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

Side = Literal["left", "right"]


def as_text(parts: Iterable[RenderableType], width: int) -> str:
    """Tables and strings below each other, ``width`` characters wide: no colours, no trailing spaces.

    A string is text: nothing in it is markup.
    """
    from rich.console import Console
    from rich.text import Text

    stream = io.StringIO()
    console = Console(file=stream, width=width, color_system=None, highlight=False)
    for part in parts:
        console.print(Text(part) if isinstance(part, str) else part)
    return "".join(line.rstrip() + "\n" for line in printable(stream.getvalue()).splitlines())


def new_table(
    columns: Iterable[tuple[str, Side]] = (), rows: Iterable[Iterable[str]] = (), **options: Any
) -> Table:
    """A table with a line below its head only; columns do not wrap, and nothing in a string is markup."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, **{"pad_edge": False, **options})
    for name, side in columns:
        table.add_column(Text(name), justify=side, no_wrap=True)
    for row in rows:
        table.add_row(*map(Text, row))
    return table
