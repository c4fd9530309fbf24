"""Everything that can be done on the page, with its keys: for the keyboard, the palette, the help.

The window keeps Space and Escape (stop), A, D, M, P, S and U to itself on every page.
"""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent, QKeySequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """Something that can be done.

    Attributes
    ----------
    name : str
    word : str
        On its key.
    help : str
        One sentence; for tools also shown below the picture.
    keys : tuple of str
        As `stroke_of` writes them; the first is shown.
    icon : str
        Of Material Design Icons; empty for actions without a key on the screen.
    """

    name: str
    word: str
    help: str
    keys: tuple[str, ...]
    icon: str = ""


TOOLS = (
    Action(
        name="pick",
        word="Pick",
        icon="cursor-default-click-outline",
        keys=("V",),
        help="Touch a plant to go on with it; drag to move the picture. Del erases the plant.",
    ),
    Action(
        name="brush",
        word="Brush",
        icon="brush",
        keys=("B",),
        help="Paint; a stroke that begins on a plant goes on with it. Right button or the pen's"
        " other end erases. [ ] change the size.",
    ),
    Action(
        name="erase",
        word="Eraser",
        icon="eraser",
        keys=("E",),
        help="Make soil of what the tip covers. [ ] change the size.",
    ),
    Action(
        name="ignore",
        word="Ignore",
        icon="texture",
        keys=("I",),
        help="Paint ground that counts for nothing: the machine, blur, what nobody can tell.",
    ),
    Action(
        name="polygon",
        word="Polygon",
        icon="vector-polygon",
        keys=("G",),
        help="Touch corners or drag freehand; close on the first corner, by two presses or Enter."
        " Backspace takes a corner back, Shift adds to the current plant, right button cuts out.",
    ),
    Action(
        name="corners",
        word="Corners",
        icon="vector-polyline-edit",
        keys=("O",),
        help="Touch a plant, then drag its corners; touch a side for a new one; Del or the right"
        " button takes one away.",
    ),
    Action(
        name="scissors",
        word="Scissors",
        icon="lasso",
        keys=("L",),
        help="Touch points along an edge: the line between follows it. Close on the first point or"
        " with Enter; Backspace takes a point back.",
    ),
    Action(
        name="fill",
        word="Fill",
        icon="format-color-fill",
        keys=("F",),
        help="Give a patch of one colour the chosen class. Right button erases it.",
    ),
    Action(
        name="wand",
        word="Wand",
        icon="auto-fix",
        keys=("W",),
        help="Touch a leaf: the vegetation that hangs together with it is taken. { } change the"
        " tolerance; Shift adds to the current plant.",
    ),
    Action(
        name="grow",
        word="Grow",
        icon="arrow-expand-all",
        keys=("Shift+W",),
        help="Press on a mistake and drag until it is covered: it grows along doubt and colour."
        " Shift adds to the current plant, right button makes soil.",
    ),
    Action(
        name="anything",
        word="Click",
        icon="target",
        keys=("Shift+A",),
        help="With a segment-anything model of yours: touch the plant, right button what does not"
        " belong; Enter keeps it, Backspace takes a click back. Ctrl+A chooses its two files.",
    ),
    Action(
        name="cut",
        word="Cut out",
        icon="content-cut",
        keys=("C",),
        help="Draw a box around a plant: GrabCut separates it from the ground.",
    ),
    Action(
        name="superpixels",
        word="Patches",
        icon="puzzle-outline",
        keys=("X",),
        help="Touch or drag over patches of like colour. { } change their size; right button"
        " erases.",
    ),
    Action(
        name="split",
        word="Split",
        icon="call-split",
        keys=("K",),
        help="Draw a line across a plant: each side becomes a plant of its own.",
    ),
    Action(
        name="merge",
        word="Merge",
        icon="call-merge",
        keys=("J",),
        help="Touch the plants that are one, or drag over them.",
    ),
    Action(
        name="stem",
        word="Stem",
        icon="map-marker",
        keys=("T",),
        help="Touch where the plant leaves the ground. Del or right button takes the point away.",
    ),
)

DRAWING = (
    Action(name="undo", word="Undo", icon="undo", keys=("Ctrl+Z",), help="Take the last step back"),
    Action(
        name="redo",
        word="Redo",
        icon="redo",
        keys=("Ctrl+Y", "Ctrl+Shift+Z"),
        help="Do again what was taken back",
    ),
    Action(
        name="new-plant",
        word="Next plant",
        icon="sprout",
        keys=("N",),
        help="The next stroke begins a plant of its own",
    ),
    Action(
        name="finish", word="Finish", keys=("Return", "Enter"), help="Close or keep what is begun"
    ),
    Action(name="back", word="Back", keys=("Backspace",), help="Take the newest corner back"),
    Action(name="remove", word="Remove", keys=("Del",), help="Erase the plant or corner picked"),
    Action(name="smaller", word="Smaller", keys=("[", ","), help="Smaller brush"),
    Action(name="larger", word="Larger", keys=("]", "."), help="Larger brush"),
    Action(
        name="stricter",
        word="Stricter",
        keys=("{", "<", ";"),
        help="Stricter wand, smaller patches",
    ),
    Action(
        name="looser",
        word="Looser",
        keys=("}", ">", ":"),
        help="More tolerant wand, larger patches",
    ),
    Action(
        name="classes",
        word="Edit classes",
        icon="palette-swatch-outline",
        keys=("Ctrl+G",),
        help="Names, meanings, colours and keys of the classes; further ones",
    ),
    Action(
        name="only-soil", word="Soil only", keys=("Q",), help="Paint only on soil, or on everything"
    ),
    Action(
        name="only-vegetation",
        word="Green only",
        keys=("Shift+Q",),
        help="Paint only on vegetation, or on everything",
    ),
)

MODEL = (
    Action(
        name="pre-label",
        word="Pre-label",
        icon="robot-outline",
        keys=("R",),
        help="Let the model label this picture; only its doubtful parts need work",
    ),
    Action(
        name="pre-label-all",
        word="Pre-label all",
        icon="robot-outline",
        keys=("Shift+R",),
        help="Let the model label every picture that is still to do",
    ),
    Action(
        name="next-doubt",
        word="Next doubt",
        icon="skip-next",
        keys=("Y",),
        help="Go to the next doubtful part",
    ),
    Action(
        name="last-doubt",
        word="Last doubt",
        icon="skip-previous",
        keys=("Shift+Y",),
        help="Go to the doubtful part before",
    ),
    Action(
        name="confirm",
        word="It is right",
        icon="check",
        keys=("H",),
        help="The doubtful part is right as it is; go to the next",
    ),
    Action(
        name="confirm-all",
        word="All is right",
        keys=("Shift+H",),
        help="Every doubtful part of the picture is right as it is",
    ),
    Action(
        name="propagate",
        word="From last picture",
        icon="content-duplicate",
        keys=("Shift+F",),
        help="Take labels over from the picture before, where the two overlap",
    ),
)

DATA = (
    Action(
        name="anything-files",
        word="Click model",
        icon="target",
        keys=("Ctrl+A",),
        help="Choose the two ONNX files, encoder and decoder, of the tool Click",
    ),
    Action(
        name="check",
        word="Look for mistakes",
        icon="clipboard-search-outline",
        keys=("Ctrl+K",),
        help="Holes, specks, unlabelled vegetation and the like in this picture",
    ),
    Action(
        name="next-finding",
        word="Next finding",
        keys=("Shift+J",),
        help="Go to the next thing that the checks found",
    ),
    Action(
        name="mend",
        word="Mend it",
        icon="auto-fix",
        keys=("Shift+K",),
        help="Settle the finding: fill the hole, remove the speck, label the green with the chosen"
        " class",
    ),
    Action(
        name="count",
        word="Count",
        icon="sigma",
        keys=("Ctrl+T",),
        help="ground, plants and work, by class",
    ),
    Action(
        name="add",
        word="Add pictures",
        icon="image-plus",
        keys=("Ctrl+N",),
        help="a folder, or a single picture",
    ),
    Action(
        name="select",
        word="From runs",
        icon="image-search-outline",
        keys=("Ctrl+R",),
        help="frames from which a model learns most",
    ),
    Action(
        name="import",
        word="Import",
        icon="import",
        keys=("Ctrl+I",),
        help="CVAT, COCO, LabelMe, VOC, YOLO, PNG",
    ),
    Action(
        name="export",
        word="Export",
        icon="export",
        keys=("Ctrl+E",),
        help="for CVAT, COCO, LabelMe, VOC, YOLO, PNG",
    ),
    Action(
        name="agree",
        word="Compare",
        icon="account-multiple-check-outline",
        keys=("Ctrl+L",),
        help="with another labeller's project",
    ),
)

PICTURES = (
    Action(name="next", word="Next", icon="arrow-right", keys=("PgDown",), help="Next picture"),
    Action(name="last", word="Before", icon="arrow-left", keys=("PgUp",), help="Picture before"),
    Action(
        name="next-open",
        word="Next to do",
        keys=("Shift+PgDown",),
        help="Next picture that is not done",
    ),
    Action(
        name="done",
        word="Done",
        icon="check-bold",
        keys=("Ctrl+Return", "Ctrl+Enter"),
        help="This picture is done; go to the next that is not",
    ),
    Action(
        name="reviewed",
        word="Reviewed",
        icon="check-all",
        keys=("Ctrl+Shift+Return", "Ctrl+Shift+Enter"),
        help="This picture was checked by a second person",
    ),
    Action(
        name="reopen", word="To do", keys=("Ctrl+Backspace",), help="This picture needs work again"
    ),
    Action(
        name="save", word="Save", keys=("Ctrl+S",), help="Save now (every stroke is kept anyway)"
    ),
    Action(
        name="leave",
        word="Projects",
        icon="arrow-left",
        keys=("Ctrl+O",),
        help="Back to the projects",
    ),
)

VIEW = (
    Action(name="zoom-in", word="Zoom in", keys=("+", "="), help="Closer (or the wheel)"),
    Action(name="zoom-out", word="Zoom out", keys=("-",), help="Farther (or the wheel)"),
    Action(
        name="fit", word="Whole", icon="fit-to-page-outline", keys=("Z",), help="The whole picture"
    ),
    Action(name="actual", word="1:1", keys=("Shift+Z",), help="A pixel on a pixel of the screen"),
    Action(name="left", word="Left", keys=("Left",), help="Move left (or the middle button)"),
    Action(name="right", word="Right", keys=("Right",), help="Move right"),
    Action(name="up", word="Up", keys=("Up",), help="Move up"),
    Action(name="down", word="Down", keys=("Down",), help="Move down"),
    Action(name="labels", word="Labels", keys=("Ctrl+H",), help="Hide or show all labels"),
    Action(name="fill-less", word="Less", keys=("Ctrl+Down",), help="Labels more transparent"),
    Action(name="fill-more", word="More", keys=("Ctrl+Up",), help="Labels more opaque"),
    Action(name="layer-classes", word="Classes", keys=("Ctrl+1",), help="Classes on or off"),
    Action(
        name="layer-outlines", word="Outlines", keys=("Ctrl+2",), help="Plants' outlines on or off"
    ),
    Action(name="layer-doubt", word="Doubt", keys=("Ctrl+3",), help="Doubtful parts on or off"),
    Action(name="layer-stems", word="Stems", keys=("Ctrl+4",), help="Stems on or off"),
    Action(
        name="layer-findings",
        word="Findings",
        keys=("Ctrl+5",),
        help="What the checks found, on or off",
    ),
    Action(name="help", word="Keys", icon="keyboard-outline", keys=("?",), help="This list"),
)

PANELS = (
    Action(
        name="panel-labels",
        word="Labels",
        icon="palette",
        keys=("Alt+1",),
        help="Classes, plants, settings of the tools",
    ),
    Action(
        name="panel-pictures",
        word="Pictures",
        icon="image-multiple",
        keys=("Alt+2",),
        help="All pictures and how far they are",
    ),
    Action(
        name="panel-layers",
        word="Layers",
        icon="layers",
        keys=("Alt+3",),
        help="Layers and opacity",
    ),
    Action(
        name="panel-checks",
        word="Check",
        icon="clipboard-check-outline",
        keys=("Alt+4",),
        help="Pre-label, doubtful parts, what may be wrong",
    ),
    Action(
        name="panel-data",
        word="Data",
        icon="swap-horizontal",
        keys=("Alt+5",),
        help="Add, import, export, choose pictures",
    ),
)

GROUPS = (
    ("Tools", TOOLS),
    ("Drawing", DRAWING),
    ("Model", MODEL),
    ("Pictures", PICTURES),
    ("View", VIEW),
    ("Panels", PANELS),
    ("Data", DATA),
)
ACTIONS = {action.name: action for _, actions in GROUPS for action in actions}
BY_KEY = {key: action.name for action in ACTIONS.values() for key in action.keys}

_MODIFIERS = (
    (Qt.KeyboardModifier.ControlModifier, "Ctrl+"),
    (Qt.KeyboardModifier.AltModifier, "Alt+"),
    (Qt.KeyboardModifier.ShiftModifier, "Shift+"),
)


def stroke_of(event: QKeyEvent) -> str:
    """Return a key with its modifiers as `Action.keys` write it.

    Signs that need Shift on some keyboards are written as the sign alone.
    """
    key = Qt.Key(event.key())
    sign = QKeySequence(key).toString()
    is_sign = len(sign) == 1 and not sign.isalnum()
    words = [
        word
        for modifier, word in _MODIFIERS
        if event.modifiers() & modifier
        and not (is_sign and modifier is Qt.KeyboardModifier.ShiftModifier)
    ]
    return "".join(words) + sign
