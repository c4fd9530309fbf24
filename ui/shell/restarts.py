"""Starts the engine again with another controller, receiver, boundary, model or calibration."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ui.bridge import EngineBridge
from ui.connection import ConnectionKeeper
from ui.models.connection import ControllerChoice
from ui.models.receivers import NO_RECEIVER, ReceiverChoice
from ui.shell.pages import Pages


class EngineRestarts:
    """Each choice is refused, with the reason, while something may be spraying.

    Parameters
    ----------
    bridge : EngineBridge
    connection : ConnectionKeeper
        Remembers what was chosen.
    pages : Pages
        Show what was chosen.
    refusal : callable
        Returns why the engine must go on as it is; empty when it may be started again.
    say : callable
        Tells the operator.
    """

    def __init__(
        self,
        bridge: EngineBridge,
        connection: ConnectionKeeper,
        pages: Pages,
        *,
        refusal: Callable[[], str],
        say: Callable[[str], None],
    ) -> None:
        self._bridge = bridge
        self._connection = connection
        self._pages = pages
        self._refusal = refusal
        self._say = say

    def use_controller(self, choice: ControllerChoice) -> None:
        """Go on with another controller."""
        if self._is_refused():
            return
        self._connection.choose(choice)
        self._pages.setup.show_choice(choice)
        self._again(f"with {choice.name}")

    def use_receiver(self, choice: ReceiverChoice) -> None:
        """Go on with another satellite receiver."""
        if self._is_refused():
            return
        self._connection.choose_receiver(choice)
        self._pages.field.show_choices()
        self._again("without a receiver" if choice == NO_RECEIVER else f"with {choice.name}")

    def use_boundary(self, file: str) -> None:
        """Go on with another boundary, or without where ``file`` is empty."""
        if self._is_refused():
            return
        self._connection.choose_boundary(file)
        self._pages.field.show_choices()
        self._again("with another boundary" if file else "without a boundary")

    def use_settings(self, values: Mapping[str, float | str]) -> None:
        """Go on with other values of the page Field, by their configuration keys."""
        if self._is_refused():
            return
        self._connection.adjust(values)
        self._pages.field.show_choices()
        self._again("with other settings")

    def use_model(self, name: str) -> None:
        """Go on with the model that is in use from now on."""
        if self._connection.configured.model.path:
            self._say("The configuration names its own model; it stays in the engine.")
            return
        why_not = self._refusal()
        if why_not:
            self._say(f"{name} is loaded when the engine starts next. {why_not}")
            return
        self._again(f"with {name}")

    def use_calibration(self, text: str) -> None:
        """Go on with the calibration that is in force now."""
        self._bridge.reconfigure(self._connection.config, text)
        self._say(text)

    def lend_devices(self, needed: bool) -> None:
        """Leave camera and controller to a calibration step, or take them back."""
        if needed:
            self._bridge.suspend("A calibration step has camera and controller.")
        else:
            self._bridge.resume()

    def _is_refused(self) -> bool:
        why_not = self._refusal()
        if why_not:
            self._say(why_not)
        return bool(why_not)

    def _again(self, how: str) -> None:
        self._bridge.reconfigure(
            self._connection.config, f"The field engine is started again {how} …"
        )
