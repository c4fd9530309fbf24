"""Training: one configuration and one seed give one model."""

from __future__ import annotations

import copy
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from agriseg.errors import ModelFileError
from agriseg.messages import UInt8Array
from agriseg.models.backbone_weights import load_lite0_backbone
from agriseg.models.checkpoints import CHECKPOINT_NAME, read_checkpoint, write_checkpoint
from agriseg.models.dataset import CropSampler
from agriseg.models.distillation import Teacher
from agriseg.models.early_stop import Patience
from agriseg.models.graph import FrameGraph
from agriseg.models.networks import architecture_named, build_network, channels_last
from agriseg.models.plant_targets import batch_targets
from agriseg.models.plant_training import PlantObjective
from agriseg.models.sizing import Size, network_size
from agriseg.models.team import Alone, Team, share_of
from agriseg.models.training_config import TrainingConfig
from agriseg.models.training_control import Control, GoOn, Wish
from agriseg.models.training_course import Course
from agriseg.models.training_events import (
    BatchDivided,
    CheckpointWritten,
    StopReason,
    TrainingContinued,
    TrainingEvent,
    TrainingPaused,
    TrainingStarted,
    TrainingStopped,
)
from agriseg.models.training_log import rewind_log, write_log
from agriseg.models.training_objective import Batch, Objective
from agriseg.models.training_step import Stepper

CLASS_COUNT = 3

Device = torch.device
"""Where it trains, for those that hand it on and need not know torch."""
Network = nn.Module
"""A network, for those that hand it on and need not know torch."""
LabelImage = Callable[[UInt8Array], UInt8Array]
"""Maps a BGR image (H, W, 3) uint8 to its labels (H, W) uint8."""
Validate = Callable[[LabelImage], Mapping[str, float]]
"""Scores a labelling on held-out images; returns named figures."""
Hear = Callable[[TrainingEvent], None]
"""Is told what happens."""

_log = logging.getLogger(__name__)


class Trainer:
    """Trains one network.

    Parameters
    ----------
    config : TrainingConfig
    sampler : CropSampler
    validate : Validate
        Called every ``validate_every`` steps with the averaged network.
    directory : Path
        Where checkpoints (``checkpoint.pt``), the log (``log.jsonl``) and curves go.
    device : torch.device
    team : Team
        The processes that share the batches; alone by default.
    control : Control
        Asked after every step whether to go on.
    teacher : Teacher, optional
        Whose softened answers are learned too.
    """

    def __init__(
        self,
        config: TrainingConfig,
        sampler: CropSampler,
        validate: Validate,
        directory: Path,
        device: torch.device,
        *,
        team: Team | None = None,
        control: Control | None = None,
        teacher: Teacher | None = None,
    ) -> None:
        torch.manual_seed(config.seed)
        self._config = config
        self._sampler = sampler
        self._validate = validate
        self._directory = directory
        self._device = device
        self._team = Alone() if team is None else team
        self._control = GoOn() if control is None else control
        self._slots = share_of(config.schedule.batch, self._team)
        network = build_network(config.network.architecture, CLASS_COUNT)
        if config.network.pretrained:
            load_lite0_backbone(network)
        self._network = channels_last(network.to(device))
        self._average = copy.deepcopy(self._network).eval().requires_grad_(False)
        has_heads = architecture_named(config.network.architecture).plant_heads
        self._plants = PlantObjective(config.plants) if has_heads else None
        objective = Objective(config, self._network, device, plants=self._plants, teacher=teacher)
        self._stepper = Stepper(self._network, objective, config.schedule, config.seed, self._team)
        self._patience = Patience(config.schedule.patience, config.schedule.least_gain)
        self._best: dict[str, Tensor] | None = None
        self._start: Mapping[str, Tensor] = {}
        self._step = 0

    @property
    def step(self) -> int:
        """Steps done."""
        return self._step

    @property
    def network(self) -> nn.Module:
        """The network that is trained."""
        return self._network

    @property
    def averaged_network(self) -> nn.Module:
        """The moving average of the weights: what is exported."""
        return self._average

    def begin_from(self, state: Mapping[str, Tensor]) -> None:
        """Begin from given weights instead of the backbone's.

        Weights whose name or shape the network has not got are left out, and the network's own
        that are not given keep their beginning; the log counts both.

        Raises
        ------
        ModelFileError
            None of them fits.
        """
        own = self._network.state_dict()
        fitting = {
            key: value
            for key, value in state.items()
            if key in own and own[key].shape == value.shape
        }
        if not fitting:
            architecture = self._config.network.architecture
            raise ModelFileError(f"none of the given weights fits the network {architecture!r}")
        _log.info(
            "beginning with %d of %d given weights; %d of the network's are new",
            len(fitting),
            len(state),
            len(own) - len(fitting),
        )
        self._network.load_state_dict(fitting, strict=False)
        self._average.load_state_dict(self._network.state_dict())

    def keep_of(self, state: Mapping[str, Tensor]) -> None:
        """Mix a share ``keep_start`` of these weights into the averaged network at the end."""
        own = self._average.state_dict()
        self._start = {
            key: value
            for key, value in state.items()
            if key in own and own[key].shape == value.shape and value.dtype.is_floating_point
        }

    def run(self, hear: Hear) -> StopReason:
        """Train until the schedule ends, nothing is gained any more, or it is asked to stop.

        With patience the averaged network then has the weights of the best validation.

        Raises
        ------
        DatasetError
            The loss is no longer a number; the checkpoint before stays.
        """
        course = Course(self._config.schedule.steps, self._config.schedule.batch, self._step)
        tell = self._teller(hear)
        tell(self._started())
        reason = StopReason.EARLY if self._patience.is_lost else StopReason.FINISHED
        for batch in self._batches() if reason is StopReason.FINISHED else ():
            loss, wish = self._take(batch, tell)
            course.count(loss)
            if course.is_due():
                tell(course.step_done(self._step, loss, self._learning_rate))
            due = self._is_due(self._config.schedule.validate_every)
            if due and self._has_gained_nothing(course, tell):
                reason = StopReason.EARLY
            if wish == Wish.PAUSE:
                wish = self._pause(course, tell)
            if wish == Wish.STOP:
                reason = StopReason.CANCELLED
            ends = reason is not StopReason.FINISHED
            if ends or self._is_due(self._config.schedule.checkpoint_every):
                self._keep(tell)
            if ends:
                break
        if reason is not StopReason.CANCELLED and self._best is not None:
            self._average.load_state_dict(self._best)
        if reason is not StopReason.CANCELLED:
            self._mix_start()
        tell(TrainingStopped(step=self._step, reason=reason))
        return reason

    def save_checkpoint(self) -> Path:
        """Write everything that a later run needs to go on; replaces the last one whole."""
        path = self._directory / CHECKPOINT_NAME
        state = {
            "architecture": self._config.network.architecture,
            "step": self._step,
            "network": self._network.state_dict(),
            "average": self._average.state_dict(),
            "optimizer": self._stepper.optimizer.state_dict(),
            "patience": self._patience.state(),
            "best": self._best,
            "config": self._config.model_dump_json(),
        }
        write_checkpoint(path, state)
        return path

    def resume(self) -> None:
        """Go on from the checkpoint in the training's folder.

        What the configuration says otherwise than the one that it was written with is logged.

        Raises
        ------
        ModelFileError
            There is none, or it belongs to another network or version.
        """
        state = read_checkpoint(self._directory / CHECKPOINT_NAME)
        expected = self._config.network.architecture
        if state["architecture"] != expected:
            raise ModelFileError(
                f"{self._directory / CHECKPOINT_NAME}: holds a {state['architecture']!r} network, "
                f"the configuration asks for {expected!r}"
            )
        if state.get("config", self._config.model_dump_json()) != self._config.model_dump_json():
            _log.warning(
                "%s: was written with another configuration; going on with the present one, the "
                "result will be that of neither",
                self._directory / CHECKPOINT_NAME,
            )
        self._network.load_state_dict(state["network"])
        self._average.load_state_dict(state["average"])
        self._stepper.optimizer.load_state_dict(state["optimizer"])
        self._step = int(state["step"])
        if "patience" in state:
            self._patience.restore(state["patience"])
            self._best = state["best"]
        if self._leads:
            rewind_log(self._directory, self._step)

    @property
    def _leads(self) -> bool:
        return self._team.rank == 0

    @property
    def _learning_rate(self) -> float:
        return float(self._stepper.optimizer.param_groups[-1]["lr"])

    def _teller(self, hear: Hear) -> Hear:
        """Return what tells of events; processes beside the first one are silent."""
        return hear if self._leads else lambda _: None

    def _started(self) -> TrainingStarted:
        schedule = self._config.schedule
        return TrainingStarted(
            step=self._step,
            steps=schedule.steps,
            batch=schedule.batch,
            processes=self._team.size,
            device=str(self._device),
            directory=self._directory,
        )

    def _is_due(self, every: int) -> bool:
        return self._step % every == 0 or self._step == self._config.schedule.steps

    def _batches(self) -> Iterator[Batch]:
        """Cut the next batch on another thread while the present one is trained on."""
        with ThreadPoolExecutor(1, thread_name_prefix="crops") as pool:
            ahead = pool.submit(self._batch, self._step)
            for step in range(self._step, self._config.schedule.steps):
                batch = ahead.result()
                ahead = pool.submit(self._batch, step + 1)
                yield batch

    def _batch(self, step: int) -> Batch:
        first, size = self._slots
        if self._plants is None:
            images, masks = self._sampler.batch(step, size, first)
            return Batch(images=images, masks=masks, taught=self._taught(step))
        images, masks, ids = self._sampler.plant_batch(step, size, first)
        plants = batch_targets(ids, masks, self._plants.sigma_px)
        return Batch(images=images, masks=masks, plants=plants, taught=self._taught(step))

    def _taught(self, step: int) -> NDArray[np.bool_] | None:
        """Return which of a batch's crops the teacher is asked about; None for all of them."""
        wanted = self._config.distillation.sources
        if not wanted:
            return None
        first, size = self._slots
        is_asked = [source.name in wanted for source in self._config.enabled_sources]
        return np.array(is_asked)[self._sampler.batch_sources(step, size, first)]

    def _take(self, batch: Batch, tell: Hear) -> tuple[float, Wish]:
        """Take a step; return its loss, and what is wanted of the team after it."""
        before = self._stepper.crops_at_once
        loss, wish = self._stepper.step(batch, self._step, self._control.wish())
        self._update_average()
        self._step += 1
        if self._stepper.crops_at_once != before:
            tell(
                BatchDivided(
                    step=self._step,
                    batch=self._config.schedule.batch,
                    crops_at_once=self._stepper.crops_at_once,
                )
            )
        return loss, Wish(wish)

    def _has_gained_nothing(self, course: Course, tell: Hear) -> bool:
        """Score the held-out images; return whether patience is lost."""
        if self._leads:
            figures = self._validate(self._label)
            is_best = self._patience.hear(figures)
            if is_best and self._patience.is_watching:
                average = self._average.state_dict()
                self._best = {key: value.cpu().clone() for key, value in average.items()}
            progress = course.validated(self._step, self._learning_rate, figures, is_best=is_best)
            write_log(self._directory, progress)
            tell(progress)
        return bool(self._team.follow(int(self._patience.is_lost)))

    def _pause(self, course: Course, tell: Hear) -> Wish:
        """Wait until the pause is over; return what is wanted then."""
        began_s = time.monotonic()
        self._keep(tell)
        tell(TrainingPaused(step=self._step))
        wish = Wish.PAUSE
        while wish == Wish.PAUSE:
            if self._leads:
                self._control.wait()
            wish = Wish(self._team.follow(int(self._control.wish())))
        course.leave_out(time.monotonic() - began_s)
        tell(TrainingContinued(step=self._step))
        return wish

    def _keep(self, tell: Hear) -> None:
        if self._leads:
            tell(CheckpointWritten(step=self._step, path=self.save_checkpoint()))

    def _update_average(self) -> None:
        decay = min(self._config.schedule.ema_decay, (1.0 + self._step) / (10.0 + self._step))
        with torch.no_grad():
            pairs = zip(
                self._average.state_dict().values(),
                self._network.state_dict().values(),
                strict=True,
            )
            for average, present in pairs:
                if average.dtype.is_floating_point:
                    average.lerp_(present, 1.0 - decay)
                else:
                    average.copy_(present)

    def _mix_start(self) -> None:
        share = self._config.schedule.keep_start
        average = self._average.state_dict()
        with torch.no_grad():
            for key, value in self._start.items() if share else ():
                average[key].lerp_(value.to(average[key].device, average[key].dtype), share)

    def _label(self, image: UInt8Array) -> UInt8Array:
        settings = self._config.input
        frame = Size(image.shape[1], image.shape[0])
        size = network_size(frame, settings.long_side_px)
        graph = FrameGraph(self._average, frame, size, settings.mean, settings.std)
        graph = graph.to(self._device)
        with torch.inference_mode(), torch.autocast(self._device.type, torch.bfloat16):
            labels = graph(torch.from_numpy(image)[None].to(self._device))[0]
        result: UInt8Array = labels[0].cpu().numpy()
        return result
