"""Which controller the engine is configured with: the configuration's, or the operator's."""

from __future__ import annotations

from agriseg.config import Config, ControllerConfig
from ui.models.connection import ControllerChoice, configured_choice
from ui.settings import WindowSettings

RELAY_BAUD = 38400
"""What stock relay boards listen at; the configuration can name another."""


class ConnectionKeeper:
    """Holds the choice in force and makes the engine's configuration of it."""

    def __init__(self, config: Config, settings: WindowSettings) -> None:
        self._configured = config
        self._settings = settings
        self._choice = settings.controller(configured_choice(config.controller))

    @property
    def choice(self) -> ControllerChoice:
        """The controller in force."""
        return self._choice

    @property
    def configured(self) -> Config:
        """What the configuration file says."""
        return self._configured

    @property
    def config(self) -> Config:
        """The configuration with the controller in force."""
        controller = self._configured.controller
        changes: dict[str, object] = {"port": self._choice.port, "kind": self._choice.kind}
        if self._choice.kind != controller.kind:
            is_own = self._choice.kind == "agriseg"
            changes["baud"] = ControllerConfig().baud if is_own else RELAY_BAUD
        controller = controller.model_copy(update=changes)
        return self._configured.model_copy(update={"controller": controller})

    def choose(self, choice: ControllerChoice) -> None:
        """Take the operator's choice, for now and for the next start."""
        self._choice = choice
        configured = configured_choice(self._configured.controller)
        self._settings.remember_controller(choice, configured)
