"""Names of actions to what they do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from agriseg.labelling.pictures import PictureState
from ui.label.actions import TOOLS
from ui.label.layers_panel import LAYER_ACTIONS
from ui.label.work_view import WorkView

if TYPE_CHECKING:
    from ui.label.workroom import Workroom

Actions = dict[str, Callable[[], object]]


def room_actions(room: Workroom, view: WorkView) -> Actions:
    """Return everything that can be done, by the names of `ui.label.actions`."""
    return _drawing(room) | _pictures(room) | _looking(room, view) | _data(room)


def _drawing(room: Workroom) -> Actions:
    box, place = room.box, room.place
    settings = place.settings_changed_by
    tools: Actions = {tool.name: partial(box.use, tool.name) for tool in TOOLS}
    return tools | {
        "undo": lambda: room.step(back=True),
        "redo": lambda: room.step(back=False),
        "new-plant": place.new_plant,
        "finish": lambda: box.hand.finish(),
        "back": lambda: box.hand.step_back(),
        "remove": lambda: box.hand.remove(),
        "smaller": lambda: settings(lambda s: s.with_radius_step(-1)),
        "larger": lambda: settings(lambda s: s.with_radius_step(1)),
        "stricter": lambda: settings(lambda s: s.with_tolerance_step(-1)),
        "looser": lambda: settings(lambda s: s.with_tolerance_step(1)),
        "classes": room.ask_classes,
        "only-soil": lambda: settings(lambda s: replace(s, only_soil=not s.only_soil)),
        "only-vegetation": lambda: settings(
            lambda s: replace(s, only_vegetation=not s.only_vegetation)
        ),
    }


def _pictures(room: Workroom) -> Actions:
    return {
        "next": lambda: room.open_next(1),
        "last": lambda: room.open_next(-1),
        "next-open": lambda: room.open_next(1, only_open=True),
        "done": lambda: room.finish(PictureState.DONE),
        "reviewed": lambda: room.finish(PictureState.REVIEWED),
        "reopen": room.reopen,
        "save": room.desk.save,
        "leave": room.desk.close_project,
    }


def _looking(room: Workroom, view: WorkView) -> Actions:
    canvas, layers = view.canvas, view.layers
    actions: Actions = {f"panel-{name}": partial(view.show_tab, name) for name in view.tabs}
    actions |= {name: partial(layers.toggle, layer) for name, layer in LAYER_ACTIONS.items()}
    return actions | {
        "zoom-in": lambda: canvas.zoom(1),
        "zoom-out": lambda: canvas.zoom(-1),
        "fit": canvas.fit,
        "actual": canvas.show_actual,
        "left": lambda: canvas.pan_by_shares(-1, 0),
        "right": lambda: canvas.pan_by_shares(1, 0),
        "up": lambda: canvas.pan_by_shares(0, -1),
        "down": lambda: canvas.pan_by_shares(0, 1),
        "labels": layers.hide_all,
        "fill-less": lambda: layers.step_opacity(-1),
        "fill-more": lambda: layers.step_opacity(1),
        "help": room.help_asked.emit,
    }


def _data(room: Workroom) -> Actions:
    walk, inspection, data = room.walk, room.inspection, room.data
    return {
        "pre-label": data.pre_label_shown,
        "pre-label-all": data.pre_label_all,
        "next-doubt": lambda: walk.step(1),
        "last-doubt": lambda: walk.step(-1),
        "confirm": walk.confirm,
        "confirm-all": walk.confirm_all,
        "propagate": room.propagate,
        "check": room.check,
        "anything-files": room.ask_anything,
        "next-finding": inspection.step,
        "mend": inspection.mend,
        "add": data.ask_pictures,
        "select": data.ask_frames,
        "import": data.ask_import,
        "export": data.ask_export,
        "agree": data.ask_agreement,
        "count": data.count,
    }
