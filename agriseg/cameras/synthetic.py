"""The simulated field's camera."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from agriseg.config import CameraConfig, CameraPoseConfig, SimulationConfig
from agriseg.errors import CameraError
from agriseg.geometry.ground_plane import GroundPlane
from agriseg.messages import Float64Array, Frame
from agriseg.ports import Clock
from agriseg.simulation.ground_view import GroundView
from agriseg.simulation.machine_marks import MachineMarks
from agriseg.simulation.props import PROP, Prop, Stage
from agriseg.simulation.sensor import Float32Array, Sensor
from agriseg.simulation.trajectory import Trajectory, TruePose
from agriseg.simulation.world import World

_EXPOSURE_UNIT_S = 1e-4
_CONTROLS: Mapping[str, tuple[float, float, float]] = {
    "exposure": (1.0, 200.0, 12.0),
    "gain": (1.0, 16.0, 1.0),
    PROP: (float(min(Prop)), float(max(Prop)), float(Prop.NONE)),
}
_RUN_OUT_M = 0.5
_SHADOW_EDGE_SHARE = 0.36


class SyntheticCamera:
    """A camera that drives over a simulated world (implements `ports.Camera`).

    A frame is exposed every ``1 / fps`` seconds from the start on and can be read when its
    exposure and the configured delay are over. The newest one wins; those that nobody read
    are counted. With a virtual clock reading moves the clock to the next frame.

    Controls: ``exposure`` in units of 100 microseconds, as Linux cameras count it, and
    ``gain``. Both brighten the picture; the first blurs it, the second makes it noisy. ``prop``
    puts something in front of the camera (`agriseg.simulation.props`); the ground stands still
    in the picture meanwhile.

    Parameters
    ----------
    world : World
    trajectory : Trajectory
    config : CameraConfig
    clock : Clock
    start_s : float
        Time of the clock at which the robot starts.
    seed : int
        Of the sensor's noise.
    simulated : SimulationConfig, optional
        When the camera comes loose and how its pose changes then; how many plates of the machine
        are in its view.

    Raises
    ------
    CalibrationError
        The configured camera does not see the ground.
    CameraError
        The configuration sets a control that this camera has not got.
    """

    def __init__(
        self,
        world: World,
        trajectory: Trajectory,
        config: CameraConfig,
        clock: Clock,
        start_s: float,
        *,
        seed: int = 1,
        simulated: SimulationConfig | None = None,
    ) -> None:
        simulated = simulated or SimulationConfig()
        size = (config.width_px, config.height_px)
        plane = GroundPlane(config.intrinsics, config.pose, size)
        self.plane = plane
        """The ground as the camera sees it while its mount is tight."""
        self._world = world
        self._trajectory = trajectory
        self._clock = clock
        self._start_s = start_s
        self._period_s = 1.0 / config.fps
        self._delay_s = config.exposure_delay_ms / 1000.0
        self._view = GroundView(world, plane)
        loose = GroundPlane(config.intrinsics, _loose(config.pose, simulated), size)
        self._loose_view = GroundView(world, loose)
        self._loose_s = simulated.camera_fault_s
        marks = MachineMarks(plane, simulated.machine_marks)
        self._marks, self._loose_marks = marks, marks.seen_from(loose)
        self._stage = Stage(plane)
        self._motion_px_per_m = self._view.motion_px_per_m()
        self._light = world.light
        self._seed = seed
        self._sensor = Sensor(size, np.random.default_rng([seed, 60]))
        self._ground_map = _ground_map(plane, self._sensor.map_size)
        self._fixed_light = self._sensor.vignette * self._robot_shadow()
        self._next_index = 0
        self._controls = {name: normal for name, (_, _, normal) in _CONTROLS.items()}
        for name, value in config.controls.items():
            self.set_control(name, value)

    @property
    def name(self) -> str:
        """What the operator knows it by."""
        return f"camera over the {self._world.name}"

    @property
    def is_live(self) -> bool:
        """The simulated robot drives on whether or not frames are read."""
        return True

    def read(self, timeout_s: float) -> Frame | None:
        """Return the newest frame not yet read; None if none came within ``timeout_s``.

        Raises
        ------
        EOFError
            The robot has driven past the end of the world.
        """
        now_s = self._clock.now_s()
        ready_s = self.ready_s(self._next_index)
        if ready_s > now_s + timeout_s:
            self._clock.sleep_until(now_s + timeout_s)
            return None
        self._clock.sleep_until(ready_s)
        newest = max(self._newest_index(self._clock.now_s()), self._next_index)
        dropped, self._next_index = newest - self._next_index, newest + 1
        return self._expose(newest, dropped)

    def controls(self) -> Mapping[str, tuple[float, float, float]]:
        """Return the controls: name to (minimum, maximum, present value)."""
        return {
            name: (low, high, self._controls[name]) for name, (low, high, _) in _CONTROLS.items()
        }

    def set_control(self, name: str, value: float) -> float:
        """Set a control and return the value it has afterwards.

        Raises
        ------
        CameraError
            There is no such control, or the value is out of its range.
        """
        if name not in _CONTROLS:
            known = ", ".join(_CONTROLS)
            raise CameraError(
                f"the simulated camera has no control {name!r}; it has {known}: remove the"
                " other from camera.controls"
            )
        low, high, _ = _CONTROLS[name]
        if not low <= value <= high:
            raise CameraError(
                f"the simulated camera's {name} is {low:g} to {high:g}, not {value:g}; choose a"
                " value in between"
            )
        if name == PROP:
            value = float(round(value))
            self._stage.show(Prop(int(value)))
        self._controls[name] = float(value)
        return float(value)

    def close(self) -> None:
        """Do nothing: there is no device."""

    def ready_s(self, index: int) -> float:
        """Return when the frame with this number can be read, seconds of the clock."""
        exposure_s = self._controls["exposure"] * _EXPOSURE_UNIT_S
        return self._start_s + index * self._period_s + exposure_s / 2.0 + self._delay_s

    def _newest_index(self, now_s: float) -> int:
        return int(np.floor((now_s - self.ready_s(0)) / self._period_s + 1e-9))

    def _expose(self, index: int, dropped: int) -> Frame:
        elapsed_s = index * self._period_s
        pose = self._stage.still(self._trajectory.pose_at(elapsed_s))
        if pose.x_m > self._world.x_max_m + _RUN_OUT_M:
            raise EOFError(f"the {self._world.name} has ended")
        exposure, gain = self._controls["exposure"], self._controls["gain"]
        travel_m = pose.speed_m_s * exposure * _EXPOSURE_UNIT_S
        motion = self._motion_px_per_m * travel_m
        is_tight = elapsed_s < self._loose_s
        view, marks = (
            (self._view, self._marks) if is_tight else (self._loose_view, self._loose_marks)
        )
        picture = self._stage.picture(lambda: view.picture(pose), elapsed_s)
        image = self._sensor.expose(
            marks.draw(picture, elapsed_s, sways=pose.speed_m_s != 0.0),
            light=self._light_map(pose, elapsed_s),
            blur_px=(float(motion[0]), float(motion[1])),
            noise=1.6 * float(np.sqrt(gain)),
            rng=np.random.default_rng([self._seed, index, 61]),
        )
        return Frame(
            frame_id=index,
            t_capture_s=self._start_s + elapsed_s,
            image=image,
            dropped_before=dropped,
        )

    def _light_map(self, pose: TruePose, t_s: float) -> Float32Array:
        """Return the gain of each channel over the picture, (h, w, 3) float32."""
        clouds = self._light.clouds(t_s, self._ground_map + np.array([pose.x_m, pose.y_m]))
        normal = _CONTROLS["exposure"][2] * _CONTROLS["gain"][2]
        exposure = self._controls["exposure"] * self._controls["gain"] / normal
        level = np.float32(self._light.level * exposure)
        lit = clouds * self._fixed_light * level
        return np.asarray(lit[..., None] * self._light.colour, np.float32)

    def _robot_shadow(self) -> Float32Array:
        points = self._ground_map.reshape(-1, 2)
        middle = points.mean(axis=0)
        edge_m = _SHADOW_EDGE_SHARE * float(np.ptp(points, axis=0).max())
        return self._light.robot_shadow(self._ground_map - middle, edge_m)


def _loose(pose: CameraPoseConfig, simulated: SimulationConfig) -> CameraPoseConfig:
    """Return the pose after the camera has come loose."""
    changes = {"pitch_deg": simulated.camera_fault_deg, **simulated.camera_fault_pose}
    return pose.model_copy(
        update={name: getattr(pose, name) + change for name, change in changes.items()}
    )


def _ground_map(plane: GroundPlane, map_size: tuple[int, int]) -> Float64Array:
    """Return the ground (x, y) in base_link below a coarse grid over the picture, (h, w, 2)."""
    width, height = plane.image_size
    columns, rows = np.meshgrid(
        np.linspace(0, width - 1, map_size[0]), np.linspace(0, height - 1, map_size[1])
    )
    ground = plane.ground_from_image(np.column_stack((columns.ravel(), rows.ravel())))
    filled = np.where(np.isfinite(ground), ground, np.nanmean(ground, axis=0))
    return np.asarray(np.clip(filled, -30.0, 30.0).reshape(map_size[1], map_size[0], 2))
