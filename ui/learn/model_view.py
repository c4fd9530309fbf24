"""Models with their versions: where they come from, how they compare, which one works."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QPixmap
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from agriseg.models.bundle import SHIPPED_NAME
from agriseg.registry.store import RegisteredModel
from ui.learn.tables import FactList, table_html
from ui.models.learning import (
    figure_table,
    model_facts,
    model_hint,
    model_title,
    proof_table,
    run_words,
    shown_places,
)
from ui.review.panels import JobBar, scrolled
from ui.theme import Theme, ThemeKeeper
from ui.units import Units
from ui.widgets.key import HoldKey, Key, KeyFace, KeyLook
from ui.widgets.words import Words

_FACE = KeyFace(text_px=16, icon_px=22)
_ROW_FACE = KeyFace(text_px=17, icon_px=24, left=True)
_MOST_PLACES = 12
_COLUMNS = 2


class ModelsView(QWidget):
    """Lists models and shows one; what is asked is told by signals."""

    deploy_asked = Signal(str, bool)
    """Carries a model's id, and whether it is deployed although not offered."""
    rollback_asked = Signal()
    prove_asked = Signal(str)
    pack_asked = Signal(str)
    unpack_asked = Signal()
    trusted = Signal()
    """The signer of the packed model that was shown is to be trusted."""
    deleted = Signal(str)

    def __init__(self, keeper: ThemeKeeper, units: Units, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._keeper = keeper
        self._theme = keeper.theme
        self._units = units
        self._models: tuple[RegisteredModel, ...] = ()
        self._selected = ""
        self._refusal = ""
        self._asks_delete = False
        self.rows: dict[str, Key] = {}
        self.title = Words("", "heading")
        self.sentence = Words("", "strong")
        self.facts = FactList()
        self.table = QLabel()
        self.figures = QLabel()
        for label in (self.table, self.figures):
            label.setTextFormat(Qt.TextFormat.RichText)
        self.runs = Words("", "")
        self.places = [(QLabel(), Words("", "note")) for _ in range(_MOST_PLACES)]
        self.places_title = Words(
            "Where the models differ, worst first: picture, model before, this model", "title"
        )
        self.problem = Words("", "strong")
        self.said = Words("", "")
        self.job = JobBar(keeper)
        self.deploy_key = HoldKey(keeper, "Use it", "check", "", KeyFace(text_px=18))
        self.rollback_key = Key(keeper, "Roll back", "undo-variant", "", _FACE)
        self.prove_key = Key(keeper, "Compare", "scale-balance", "", _FACE)
        self.pack_key = Key(keeper, "Pack", "package-variant-closed", "", _FACE)
        self.delete_key = Key(keeper, "Delete", "delete-outline", "", _FACE)
        self.unpack_key = Key(keeper, "Take a packed model", "package-variant", "", _FACE)
        self.trust_key = Key(keeper, "Trust this signer", "shield-check-outline", "", _FACE)
        self.trust_key.set_look(KeyLook.WARNING)
        self.trust_key.hide()
        self._lay_out()
        self._connect()
        self._set_theme(keeper.theme)
        keeper.changed.connect(self._set_theme)

    @property
    def selected(self) -> RegisteredModel | None:
        """The model shown."""
        return next((one for one in self._models if one.model_id == self._selected), None)

    def set_units(self, units: Units) -> None:
        """Write volumes in other units."""
        self._units = units
        self._draw()

    def show_models(self, models: Sequence[RegisteredModel]) -> None:
        """Take the models, newest first."""
        self._models = tuple(models)
        if self.selected is None and models:
            deployed = next((one for one in models if one.is_deployed), models[0])
            self._selected = deployed.model_id
        self._draw_rows()
        self._draw()

    def select(self, model_id: str) -> None:
        """Show a model."""
        self._selected = model_id
        self._asks_delete = False
        self.problem.say("")
        self.said.say("")
        self._draw()

    def show_refusal(self, text: str) -> None:
        """Say why no other model can be used now (spraying is on); empty when one can."""
        if text != self._refusal:
            self._refusal = text
            self._draw()

    def show_problem(self, text: str, *, can_trust: bool = False) -> None:
        """Say what could not be done; a packed model's unknown signer can be trusted."""
        self.problem.say(text)
        self.trust_key.setVisible(can_trust)

    def show_said(self, text: str) -> None:
        """Say what was done."""
        self.show_problem("")
        self.said.say(text)

    # What the user does

    def _deploy(self) -> None:
        model = self.selected
        if model is not None:
            self.deploy_asked.emit(model.model_id, not _is_offered(model))

    def _delete(self) -> None:
        self._asks_delete = not self._asks_delete
        if not self._asks_delete:
            self.deleted.emit(self._selected)
        self._draw()

    def _trust(self) -> None:
        self.trust_key.hide()
        self.trusted.emit()

    # Drawing

    def _lay_out(self) -> None:
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        left, right = QFrame(), QFrame()
        for panel in (left, right):
            panel.setProperty("role", "panel")
        inner = QWidget()
        self._list = QVBoxLayout(inner)
        self._list.setContentsMargins(0, 0, 0, 0)
        self._list.addStretch(1)
        column = QVBoxLayout(left)
        column.addWidget(scrolled(inner), 1)
        column.addWidget(self.unpack_key)
        column.addWidget(self.rollback_key)
        self._row.addWidget(left, 4)
        self._row.addWidget(right, 8)
        column = QVBoxLayout(right)
        column.addWidget(self.title)
        column.addWidget(self.sentence)
        column.addWidget(scrolled(self._story()), 1)
        for widget in (self.said, self.problem, self.trust_key, self.job):
            column.addWidget(widget)
        keys = QHBoxLayout()
        for key in (self.prove_key, self.pack_key, self.delete_key):
            keys.addWidget(key, 1)
        keys.addWidget(self.deploy_key, 2)
        column.addLayout(keys)

    def _story(self) -> QWidget:
        inner = QWidget()
        column = QVBoxLayout(inner)
        column.setContentsMargins(0, 0, 0, 0)
        for widget in (self.table, self.figures, self.runs, self.places_title):
            column.addWidget(widget)
        grid = QGridLayout()
        for place, (picture, words) in enumerate(self.places):
            row, side = 2 * (place // _COLUMNS), place % _COLUMNS
            grid.addWidget(picture, row, side)
            grid.addWidget(words, row + 1, side)
        column.addLayout(grid)
        column.addWidget(self.facts)
        column.addStretch(1)
        return inner

    def _connect(self) -> None:
        self.deploy_key.confirmed.connect(self._deploy)
        self.rollback_key.clicked.connect(self.rollback_asked)
        self.unpack_key.clicked.connect(self.unpack_asked)
        self.trust_key.clicked.connect(self._trust)
        self.delete_key.clicked.connect(self._delete)
        self.prove_key.clicked.connect(lambda: self.prove_asked.emit(self._selected))
        self.pack_key.clicked.connect(lambda: self.pack_asked.emit(self._selected))

    def _draw_rows(self) -> None:
        for key in self.rows.values():
            key.hide()
            key.deleteLater()
        self.rows.clear()
        for model in self._models:
            key = Key(self._keeper, model_title(model), "", "", _ROW_FACE)
            key.clicked.connect(lambda _checked=False, i=model.model_id: self.select(i))
            self._list.insertWidget(self._list.count() - 1, key)
            self.rows[model.model_id] = key

    def _draw(self) -> None:
        for model in self._models:
            key = self.rows.get(model.model_id)
            if key is not None:
                icon = "check-circle" if model.is_deployed else "cube-outline"
                key.set_words(model_title(model), model_hint(model), icon)
                is_shown = model.model_id == self._selected
                key.set_look(KeyLook.SELECTED if is_shown else KeyLook.PLAIN)
        shown = self.selected
        self._draw_keys(shown)
        if shown is not None:
            self._draw_model(shown)

    def _draw_model(self, model: RegisteredModel) -> None:
        self.title.say(model_title(model))
        proof = model.proof
        if model.problem:
            self.sentence.say(model.problem)
        elif proof is not None:
            self.sentence.say(proof.sentence)
        elif model.is_shipped:
            self.sentence.say("Comes with the program.")
        else:
            self.sentence.say("It was not compared with the model in use yet.")
        self.table.setVisible(proof is not None and bool(proof.sets))
        self.figures.setVisible(self.table.isVisibleTo(self))
        if proof is not None and proof.sets:
            self.table.setText(table_html(proof_table(proof), self._theme))
            first = next((one for one in proof.sets if one.role == "new"), proof.sets[0])
            self.figures.setText(table_html(figure_table(first), self._theme))
        runs = proof.runs if proof is not None else ()
        self.runs.say("\n".join(run_words(run, self._units) for run in runs))
        self._draw_places(model)
        self.facts.show_facts(model_facts(model))

    def _draw_places(self, model: RegisteredModel) -> None:
        places = shown_places(model)[:_MOST_PLACES]
        self.places_title.setVisible(bool(places))
        for number, (label, words) in enumerate(self.places):
            found = QPixmap(str(places[number].picture)) if number < len(places) else QPixmap()
            label.setVisible(not found.isNull())
            words.say("" if found.isNull() else places[number].words)
            if not found.isNull():
                mode = Qt.TransformationMode.SmoothTransformation
                label.setPixmap(found.scaledToWidth(self._theme.px(350), mode))
                label.setAccessibleName(places[number].words)

    def _draw_keys(self, model: RegisteredModel | None) -> None:
        usable = model is not None and not model.problem
        in_use = model is not None and model.is_deployed
        offered = model is not None and _is_offered(model)
        can_deploy = usable and not in_use and not self._refusal
        self.deploy_key.setEnabled(can_deploy)
        words = "In use" if in_use else ("Use it" if offered else "Use it all the same")
        self.deploy_key.set_words(words, self._refusal[:60] or ("" if in_use else "hold"))
        look = KeyLook.PRIMARY if offered else KeyLook.WARNING
        self.deploy_key.set_look(look if can_deploy else KeyLook.PLAIN)
        is_own = model is not None and not model.is_shipped
        self.prove_key.setEnabled(usable and is_own and not in_use)
        self.pack_key.setEnabled(usable)
        self.delete_key.setEnabled(is_own and not in_use)
        self.delete_key.set_words("Really delete?" if self._asks_delete else "Delete")
        self.delete_key.set_look(KeyLook.DANGER if self._asks_delete else KeyLook.PLAIN)
        default_works = any(
            one.is_deployed and one.model_id == SHIPPED_NAME for one in self._models
        )
        self.rollback_key.setEnabled(not default_works and not self._refusal)

    def _set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self._row.setSpacing(theme.px(8))
        self._draw()


def _is_offered(model: RegisteredModel) -> bool:
    return model.is_shipped or (model.proof is not None and model.proof.is_offered)
