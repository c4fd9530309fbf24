"""The board as a PDF, true to scale, with a ruler to check the print by."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from agriseg.errors import CalibrationError
from agriseg.geometry.boards import BoardSpec

Paper = Literal["A4", "A3", "A2", "A1"]

PAPER_MM: dict[str, tuple[float, float]] = {
    "A4": (297.0, 210.0),
    "A3": (420.0, 297.0),
    "A2": (594.0, 420.0),
    "A1": (841.0, 594.0),
}
"""Width and height of each size, landscape (ISO 216)."""

_MM_PER_INCH = 25.4
_MARGIN_MM = 8.0
_FOOT_MM = 22.0
_RULER_MM = 150


def board_for(paper: str, kind: str = "charuco") -> BoardSpec:
    """Return a board of 7 x 5 squares as large as the paper allows, in whole millimetres."""
    width_mm, height_mm = PAPER_MM[paper]
    across = (width_mm - 2 * _MARGIN_MM) / 7
    down = (height_mm - _MARGIN_MM - _FOOT_MM) / 5
    square_mm = float(int(min(across, down)))
    return BoardSpec(
        kind="charuco" if kind == "charuco" else "checkerboard",
        columns=7,
        rows=5,
        square_mm=square_mm,
    )


def write_board(board: BoardSpec, path: Path, paper: str = "A4") -> None:
    """Write the board as one page.

    Raises
    ------
    CalibrationError
        The board does not fit on the paper, or the file exists or cannot be written.
    """
    width_mm, height_mm = PAPER_MM[paper]
    board_w_mm, board_h_mm = board.size_mm
    if board_w_mm > width_mm - 2 * _MARGIN_MM or board_h_mm > height_mm - _MARGIN_MM - _FOOT_MM:
        raise CalibrationError(
            f"a board of {board_w_mm:g} x {board_h_mm:g} mm does not fit on {paper}"
            f" ({width_mm:g} x {height_mm:g} mm); choose smaller squares or larger paper"
        )
    if path.exists():
        raise CalibrationError(
            f"{path}: this file exists and is not overwritten; choose another name or remove it"
        )
    figure = _page(board, paper)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, format="pdf", metadata={"Title": _title(board, paper)})
    except OSError as error:
        raise CalibrationError(
            f"{path}: the board cannot be written ({error.strerror}); choose another folder"
        ) from error


def _title(board: BoardSpec, paper: str) -> str:
    kind = "ChArUco board" if board.kind == "charuco" else "Checkerboard"
    return (
        f"AgriSeg {kind}: {board.columns} x {board.rows} squares of {board.square_mm:g} mm, {paper}"
    )


def _page(board: BoardSpec, paper: str) -> Any:
    """Draw in millimetres: one unit of the axes is one millimetre of paper."""
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    width_mm, height_mm = PAPER_MM[paper]
    figure = Figure(figsize=(width_mm / _MM_PER_INCH, height_mm / _MM_PER_INCH))
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_xlim(0.0, width_mm)
    axes.set_ylim(0.0, height_mm)
    axes.axis("off")
    board_w_mm, board_h_mm = board.size_mm
    left_mm = 0.5 * (width_mm - board_w_mm)
    top_mm = height_mm - _MARGIN_MM
    cell_mm = board.square_mm / 8
    for row, column, length in _black_runs(board):
        corner = (left_mm + column * cell_mm, top_mm - (row + 1) * cell_mm)
        axes.add_patch(
            Rectangle(corner, length * cell_mm, cell_mm, facecolor="black", linewidth=0.0)
        )
    _foot(axes, board, paper, top_mm - board_h_mm, width_mm)
    return figure


def _black_runs(board: BoardSpec) -> list[tuple[int, int, int]]:
    """Return (row, first column, length) of the runs of black cells."""
    runs = []
    for row, cells in enumerate(board.cells()):
        column = 0
        while column < len(cells):
            length = 0
            while column + length < len(cells) and cells[column + length] == 0:
                length += 1
            if length:
                runs.append((row, column, length))
            column += max(length, 1)
    return runs


def _foot(axes: Any, board: BoardSpec, paper: str, board_bottom_mm: float, width_mm: float) -> None:
    ruler_mm = board_bottom_mm - 6.0
    left_mm = 0.5 * (width_mm - board.size_mm[0])
    for millimetre in range(_RULER_MM + 1):
        length_mm = 4.0 if millimetre % 10 == 0 else 3.0 if millimetre % 5 == 0 else 2.0
        x_mm = left_mm + millimetre
        axes.plot([x_mm, x_mm], [ruler_mm, ruler_mm - length_mm], color="black", linewidth=0.4)
    for centimetre in range(0, _RULER_MM // 10 + 1, 5):
        axes.text(
            left_mm + 10 * centimetre,
            ruler_mm - 4.5,
            f"{10 * centimetre}" + (" mm" if centimetre == _RULER_MM // 10 else ""),
            ha="center",
            va="top",
            fontsize=7,
        )
    axes.text(
        left_mm + _RULER_MM + 12.0,
        ruler_mm,
        f"{_title(board, paper)}\nPrint at 100 % (actual size). The ruler must measure 150 mm;"
        "\nglue the sheet flat on a board. Top edge: this text the right way up.",
        ha="left",
        va="top",
        fontsize=6,
    )
