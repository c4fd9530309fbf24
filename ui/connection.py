"""What the engine is configured with: the configuration's choices, or the operator's."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from agriseg.config import Config, ControllerConfig
from agriseg.errors import ConfigError
from agriseg.field_config import PositionConfig
from agriseg.positioning.opening import SIMULATED
from ui.models.adjustments import adjusted, values_of
from ui.models.connection import ControllerChoice, configured_choice
from ui.models.receivers import SIMULATED_FIELD, ReceiverChoice, configured_receiver
from ui.settings import WindowSettings

_log = logging.getLogger(__name__)

RELAY_BAUD = 38400
"""What stock relay boards listen at; the configuration can name another."""


class ConnectionKeeper:
    """Holds the choices in force and makes the engine's configuration of them."""

    def __init__(self, config: Config, settings: WindowSettings) -> None:
        self._configured = config
        self._settings = settings
        self._choice = settings.controller(configured_choice(config.controller))
        self._boundary_file = settings.boundary(config.boundary.file)
        remembered = settings.receiver(configured_receiver(config))
        if remembered.source == SIMULATED and not self.on_simulated_field:
            remembered = configured_receiver(config)
        self._receiver = remembered
        kept = settings.adjustments(values_of(config))
        self._adjusted: dict[str, float | str] = {
            key: value for key, value in kept.items() if isinstance(value, float | int | str)
        }
        try:
            self._base = adjusted(config, self._adjusted)
        except ConfigError as error:  # of another version, or edited by hand
            _log.warning("settings of the page Field are not used: %s", error)
            self._base, self._adjusted = config, {}

    @property
    def choice(self) -> ControllerChoice:
        """The controller in force."""
        return self._choice

    @property
    def receiver(self) -> ReceiverChoice:
        """The satellite receiver in force."""
        return self._receiver

    @property
    def boundary_file(self) -> str:
        """The boundary in force; empty without one."""
        return self._boundary_file

    @property
    def on_simulated_field(self) -> bool:
        """Whether the camera is that of the simulated field."""
        return self._configured.camera.source == SIMULATED_FIELD

    @property
    def configured(self) -> Config:
        """What the configuration file says."""
        return self._configured

    @property
    def config(self) -> Config:
        """The configuration with controller, receiver, boundary and settings in force."""
        boundary = self._base.boundary.model_copy(update={"file": self._boundary_file})
        return self._base.model_copy(
            update={
                "controller": self._controller(),
                "position": self._position(),
                "boundary": boundary,
            }
        )

    def _controller(self) -> ControllerConfig:
        controller = self._configured.controller
        changes: dict[str, object] = {"port": self._choice.port, "kind": self._choice.kind}
        if self._choice.kind != controller.kind:
            is_own = self._choice.kind == "agriseg"
            changes["baud"] = ControllerConfig().baud if is_own else RELAY_BAUD
        return controller.model_copy(update=changes)

    def _position(self) -> PositionConfig:
        if self._receiver == configured_receiver(self._configured):
            return self._base.position
        changes = {"source": self._receiver.source, "baud": self._receiver.baud}
        return self._base.position.model_copy(update=changes)

    def choose(self, choice: ControllerChoice) -> None:
        """Take the operator's choice, for now and for the next start."""
        self._choice = choice
        configured = configured_choice(self._configured.controller)
        self._settings.remember_controller(choice, configured)

    def choose_receiver(self, choice: ReceiverChoice) -> None:
        """Take the operator's satellite receiver, for now and for the next start."""
        self._receiver = choice
        self._settings.remember_receiver(choice, configured_receiver(self._configured))

    def adjust(self, values: Mapping[str, float | str]) -> None:
        """Take values of the page Field, for now and for the next start.

        Raises
        ------
        ConfigError
            A value cannot be used.
        """
        wanted = {**self._adjusted, **values}
        self._base = adjusted(self._configured, wanted)
        self._adjusted = wanted
        self._settings.remember_adjustments(wanted, values_of(self._configured))

    def choose_boundary(self, file: str) -> None:
        """Take the operator's boundary, for now and for the next start; empty for none."""
        self._boundary_file = file
        self._settings.remember_boundary(file, self._configured.boundary.file)
