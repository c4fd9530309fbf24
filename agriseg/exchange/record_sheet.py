"""Draws the record of an application as PDF; imported only where reportlab is installed."""

from __future__ import annotations

from pathlib import Path
from xml.sax.saxutils import escape

import matplotlib
from reportlab.graphics.shapes import Drawing, Polygon
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import Flowable, KeepTogether, Paragraph, SimpleDocTemplate, Spacer, Table

from agriseg.exchange.spray_record import SprayRecord

_FONT, _BOLD = "DejaVuSans", "DejaVuSans-Bold"
_COLOURS = {"driven": "#d9d4c5", "treated": "#e63c00", "again": "#0072b2"}
_MARGIN_MM = 18.0


def draw_sheet(
    path: Path,
    record: SprayRecord,
    tables: list[tuple[str, list[tuple[str, str]]]],
    shapes: list[tuple[str, list[tuple[float, float]]]],
    size_px: tuple[float, float],
) -> None:
    """Write the sheet to ``path``."""
    fonts = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    for name in (_FONT, _BOLD):
        pdfmetrics.registerFont(TTFont(name, str(fonts / f"{name}.ttf")))
    text = ParagraphStyle("text", fontName=_FONT, fontSize=8.5, leading=11)
    head = ParagraphStyle("head", fontName=_BOLD, fontSize=10.5, leading=14, spaceBefore=7)
    title = ParagraphStyle("title", fontName=_BOLD, fontSize=16, leading=21)
    story: list[Flowable] = [Paragraph("Record of a spray application", title)]
    if record.missing:
        words = f"Incomplete; not stated: {', '.join(record.missing)}."
        warning = ParagraphStyle("warning", parent=text, fontName=_BOLD, textColor="#b00020")
        story.append(Paragraph(escape(words), warning))
    for name, rows in tables:
        cells = [[Paragraph(escape(a), text), Paragraph(escape(b), text)] for a, b in rows]
        table = Table(cells, colWidths=[64 * mm, 110 * mm])
        table.setStyle(
            [
                ("LINEBELOW", (0, 0), (-1, -1), 0.25, colors.HexColor("#c8c8c8")),
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("TOPPADDING", (0, 0), (-1, -1), 1.5),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 1.5),
            ]
        )
        story.append(KeepTogether([Paragraph(name, head), table]))
    story += _map(shapes, size_px, head, text)
    if record.entered.remarks:
        story += [Paragraph("Remarks", head), Paragraph(escape(record.entered.remarks), text)]
    story += [Spacer(1, 12 * mm), Paragraph("Signature: ______________________________", text)]
    document = SimpleDocTemplate(
        str(path),
        pagesize=A4,
        leftMargin=_MARGIN_MM * mm,
        rightMargin=_MARGIN_MM * mm,
        topMargin=_MARGIN_MM * mm,
        bottomMargin=_MARGIN_MM * mm,
        title=f"Spray record {record.run}",
        author=record.entered.operator,
    )
    document.build(story)


def _map(
    shapes: list[tuple[str, list[tuple[float, float]]]],
    size_px: tuple[float, float],
    head: ParagraphStyle,
    text: ParagraphStyle,
) -> list[Flowable]:
    if not shapes:
        return []
    width = A4[0] - 2 * _MARGIN_MM * mm
    scale = width / size_px[0]
    height = size_px[1] * scale
    drawing = Drawing(width, height)
    for layer, points in shapes:
        flat = [value for x, y in points for value in (x * scale, height - y * scale)]
        colour = colors.HexColor(_COLOURS[layer])
        drawing.add(Polygon(flat, fillColor=colour, strokeColor=colour, strokeWidth=0.3))
    key = "Grey: driven. Red: treated, as confirmed. Blue: to be sprayed again. North is up."
    return [KeepTogether([Paragraph("Map", head), drawing, Paragraph(key, text)])]
