"""Values side by side, before and now, as rich text."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from agriseg.calibration.steps import ValueChange
from ui.models.calibration import value_row
from ui.theme import Theme


def value_table(changes: Sequence[ValueChange], heads: tuple[str, str], theme: Theme) -> str:
    """Return a table of values; those that changed by more than is uncertain are bold.

    Parameters
    ----------
    changes : sequence of ValueChange
        One line each; with none of them the text is empty.
    heads : (before, now)
        What the two columns are called.
    theme : Theme
    """
    if not changes:
        return ""
    head = "".join(
        f'<td align="right">&nbsp;&nbsp;<span style="color:{theme.muted}">{word}</span></td>'
        for word in (*heads, "sure to", "")
    )
    lines = [f"<tr><td></td>{head}</tr>"]
    for change in changes:
        row = value_row(change)
        now = f"<b>{escape(row.now)}</b>" if row.changed else escape(row.now)
        cells = "".join(
            f'<td align="right">&nbsp;&nbsp;{cell}</td>'
            for cell in (escape(row.before), now, escape(row.uncertainty), escape(row.unit))
        )
        lines.append(f"<tr><td>{escape(row.name)}</td>{cells}</tr>")
    size = theme.px(14)
    return f'<table style="font-size:{size}px" cellspacing="2">{"".join(lines)}</table>'
