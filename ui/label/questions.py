"""Questions for a path, and what becomes of the answer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject

from ui.widgets.path_panel import Check, PathPanel

Take = Callable[[Path], None]


class PathQuestions(QObject):
    """One question at a time, on one panel."""

    def __init__(self, panel: PathPanel, parent: QObject) -> None:
        super().__init__(parent)
        self._panel = panel
        self._take: Take = lambda _path: None
        panel.chosen.connect(lambda path: self._take(path))

    def pictures(self, take: Take) -> None:
        """Which pictures come in?"""
        self._ask(
            "Add pictures",
            "A folder with all below it, or a single picture. They are copied into the project.",
            "Add",
            take,
            suffixes=("",),
        )

    def project(self, take: Take) -> None:
        """Which project is opened?"""
        self._ask(
            "Open a project",
            "A folder that was made here, or any with images/ (and masks/, if there are labels).",
            "Open",
            take,
        )

    def other_project(self, take: Take) -> None:
        """With whose labels are these compared?"""
        self._ask(
            "Compare with another labeller",
            "A project with labels of the same pictures. Pictures that both have finished are"
            " compared.",
            "Compare",
            take,
        )

    def moved(self, take: Take) -> None:
        """Where are the pictures now?"""
        self._ask(
            "Where are the pictures?",
            "They are looked for in this folder and below it, by their content; names do not"
            " matter.",
            "Look here",
            take,
        )

    def source(self, take: Take) -> None:
        """In what else are frames looked for?"""
        self._ask(
            "Where are frames looked for?",
            "A recorded run, a folder of pictures, or a video.",
            "Look in it",
            take,
            suffixes=("",),
        )

    def anything(self, take: Callable[[Path, Path], None]) -> None:
        """Which two files make the model that understands clicks?"""

        def then(encoder: Path) -> None:
            self._ask(
                "The decoder of the model",
                "The second ONNX file: it has an input named point_coords.",
                "Take",
                lambda decoder: take(encoder, decoder),
                suffixes=(".onnx",),
                check=_no_file,
            )

        self._ask(
            "The encoder of a segment-anything model",
            "Two ONNX files that you supply: first the encoder, which looks at the whole picture.",
            "Take",
            then,
            suffixes=(".onnx",),
            check=_no_file,
        )

    def labels(self, take: Take) -> None:
        """Which labels come in?"""
        self._ask(
            "Import labels",
            "A file or folder of CVAT, COCO, LabelMe, Pascal VOC, YOLO or PNG masks, or a ZIP"
            " of it.",
            "Look into it",
            take,
            suffixes=("",),
        )

    def place(self, what: str, take: Take) -> None:
        """In which folder is something made?"""
        self._ask(what, "Each gets a new name in it.", "Here", take)

    def _ask(
        self,
        heading: str,
        explanation: str,
        answer: str,
        take: Take,
        suffixes: tuple[str, ...] | None = None,
        check: Check | None = None,
    ) -> None:
        self._take = take
        self._panel.ask(
            heading,
            explanation,
            self._panel.folder,
            answer,
            suffixes=suffixes,
            check=check or _not_there,
        )


def _not_there(path: Path) -> str:
    return "" if path.exists() else f"{path} is not there."


def _no_file(path: Path) -> str:
    return "" if path.is_file() else "Choose a file."
