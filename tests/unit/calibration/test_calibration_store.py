"""What is accepted is kept, comes into force, and can be taken back."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agriseg.calibration.entries import Machine, MeasuredValue
from agriseg.calibration.overlay import calibrated
from agriseg.calibration.profiles import FIRST, SIMULATED, Profiles, open_store, profile_name
from agriseg.calibration.store import CalibrationStore
from agriseg.config import Config, parse_config
from agriseg.config_values import true_config, value_of, with_values
from agriseg.errors import CalibrationError, ConfigError
from agriseg.simulation.sprayed_ground import true_nozzles

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
PITCH = "camera.pose.pitch_deg"
COUNTS = "wheel.counts_per_m"


@pytest.fixture
def store(tmp_path: Path) -> CalibrationStore:
    return CalibrationStore(tmp_path / "folder" / "boom-3m.jsonl")


def real_camera(**more: object) -> Config:
    return parse_config({"camera": {"source": "usb:0"}, **more}, "test")


def accept(
    store: CalibrationStore,
    values: dict[str, float],
    *,
    config: Config | None = None,
    step: str = "ground",
    std: float = 0.1,
    when: datetime = NOON,
) -> None:
    configured = config or real_camera()
    store.accept(
        step=step,
        values=[MeasuredValue(key=key, value=value, std=std) for key, value in values.items()],
        method="board on the ground",
        observations=12,
        configured=configured,
        in_force=calibrated(configured, store).config,
        when=when,
        facts={"rms_px": 0.21, "unknown": math.nan},
    )


def test_nothing_is_calibrated_before_the_first_acceptance(store: CalibrationStore) -> None:
    config = real_camera()
    assert calibrated(config, store).config == config
    assert store.history() == ()
    assert not store.path.exists()


def test_an_accepted_value_keeps_all_that_is_known_of_it(store: CalibrationStore) -> None:
    accept(store, {PITCH: 14.5})
    accept(store, {PITCH: 15.0}, when=NOON + timedelta(days=1))
    first, second = CalibrationStore(store.path).history("ground")
    assert second.accepted_at == NOON + timedelta(days=1)
    assert second.method == "board on the ground"
    assert second.observations == 12
    (value,) = second.values
    assert (value.value, value.std, value.before, value.configured) == (15.0, 0.1, 14.5, 0.0)
    assert first.values[0].before == 0.0
    assert first.facts == {"rms_px": 0.21, "unknown": None}


def test_the_newest_value_is_in_force_and_undo_brings_back_the_one_before(
    store: CalibrationStore,
) -> None:
    config = real_camera()
    accept(store, {PITCH: 14.5})
    accept(store, {PITCH: 15.0})
    assert calibrated(config, store).config.camera.pose.pitch_deg == 15.0
    assert store.undo("ground", NOON).entry_id == 2
    assert calibrated(config, store).config.camera.pose.pitch_deg == 14.5
    store.undo("ground", NOON)
    assert calibrated(config, store).config == config
    assert len(store.history()) == 2
    with pytest.raises(CalibrationError, match="no calibration of ground to take back"):
        store.undo("ground", NOON)


def test_undo_of_one_step_leaves_the_others(store: CalibrationStore) -> None:
    accept(store, {PITCH: 14.5})
    accept(store, {COUNTS: 1987.0}, step="wheel")
    store.undo("ground", NOON)
    config = calibrated(real_camera(), store).config
    assert config.camera.pose.pitch_deg == 0.0
    assert config.wheel.counts_per_m == 1987.0


def test_a_nozzles_own_value_is_laid_over_the_booms(store: CalibrationStore) -> None:
    config = real_camera(boom={"nozzles": [{"nozzle": 3, "x_m": 0.01}]})
    accept(
        store,
        {"boom.nozzles.3.open_latency_ms": 14.0, "boom.nozzles.0.x_m": 0.02},
        config=config,
        step="latency",
    )
    boom = calibrated(config, store).config.boom
    assert [(n.nozzle, n.x_m, n.open_latency_ms) for n in boom.nozzles] == [
        (0, 0.02, None),
        (3, 0.01, 14.0),
    ]


def test_a_value_out_of_range_is_refused_and_nothing_is_written(store: CalibrationStore) -> None:
    with pytest.raises(CalibrationError, match=r"camera\.pose\.pitch_deg is 99.*nothing was"):
        accept(store, {PITCH: 99.0})
    assert not store.path.exists()


def test_what_is_written_into_the_file_afterwards_wins(store: CalibrationStore) -> None:
    accept(store, {PITCH: 14.5, "camera.pose.z_m": 1.2})
    mounted_anew = real_camera()
    mounted_anew = with_values(mounted_anew, {"camera.pose.z_m": 0.9}, "test")
    result = calibrated(mounted_anew, store)
    assert result.config == mounted_anew
    assert "camera.pose.z_m was 1.0" in result.left_out[1]
    assert "is 0.9 now" in result.left_out[1]


def test_calibration_can_be_switched_off(store: CalibrationStore) -> None:
    accept(store, {PITCH: 14.5})
    config = real_camera(calibration={"enabled": False})
    assert calibrated(config, store).config == config


def test_the_truth_of_the_simulated_machine_does_not_move_when_it_is_measured(
    store: CalibrationStore,
) -> None:
    config = parse_config({"simulation": {"truth": {"boom.x_m": 0.05}}}, "test")
    accept(store, {PITCH: 1.5, "boom.x_m": 0.04}, config=config)
    in_force = calibrated(config, store).config
    assert (in_force.camera.pose.pitch_deg, in_force.boom.x_m) == (1.5, 0.04)
    true = true_config(in_force)
    assert (true.camera.pose.pitch_deg, true.boom.x_m) == (0.0, 0.05)


def test_a_nozzles_true_place_stays_that_of_its_boom_when_it_is_measured(
    store: CalibrationStore,
) -> None:
    config = parse_config({"simulation": {"truth": {"boom.y_offset_m": 0.02}}}, "test")
    before = true_nozzles(true_config(config).boom)
    accept(store, {"boom.nozzles.3.y_m": 0.5, "boom.nozzles.3.x_m": 0.01}, config=config)
    in_force = calibrated(config, store).config
    assert true_nozzles(in_force.boom)[3].y_m == 0.5
    assert true_nozzles(true_config(in_force).boom) == before


def test_a_torn_last_line_is_left_out_told_and_does_not_hurt_the_next(
    store: CalibrationStore,
) -> None:
    accept(store, {PITCH: 14.5})
    whole = store.path.read_bytes()
    accept(store, {PITCH: 15.0})
    torn = store.path.read_bytes()[: len(whole) + 40]
    store.path.write_bytes(torn)
    assert [e.values[0].value for e in store.history()] == [14.5]
    assert "not written to the end" in store.damage
    accept(store, {PITCH: 16.0})
    assert [(e.entry_id, e.values[0].value) for e in store.history()] == [(1, 14.5), (2, 16.0)]
    assert store.damage == ""


def test_a_damaged_or_newer_file_is_refused_by_name_and_line(store: CalibrationStore) -> None:
    accept(store, {PITCH: 14.5})
    lines = store.path.read_text().splitlines()
    store.path.write_text("\n".join([lines[0], "{nonsense", lines[1]]) + "\n")
    with pytest.raises(CalibrationError, match=r"boom-3m\.jsonl, line 2: this line cannot be read"):
        store.history()
    head = json.loads(lines[0])
    store.path.write_text(json.dumps({**head, "version": 2}) + "\n")
    with pytest.raises(CalibrationError, match=r"line 1: version is 2.*update AgriSeg"):
        store.history()


def test_a_folder_that_cannot_be_written_keeps_the_old_value(tmp_path: Path) -> None:
    (tmp_path / "blocked").write_text("a file where the folder should be")
    store = CalibrationStore(tmp_path / "blocked" / "machine.jsonl")
    with pytest.raises(CalibrationError, match=r"machine\.jsonl"):
        accept(store, {PITCH: 14.5})


def test_profiles_are_made_chosen_exported_and_imported(tmp_path: Path) -> None:
    profiles = Profiles(tmp_path / "calibration")
    assert profiles.chosen == FIRST
    accept(profiles.create("boom 3m", serial="A-17"), {PITCH: 14.5})
    profiles.choose("boom 3m")
    assert Profiles(profiles.folder).chosen == "boom 3m"
    assert profiles.store("boom 3m").machine == Machine(name="boom 3m", serial="A-17")
    profiles.export_file("boom 3m", tmp_path / "copy.jsonl")
    with pytest.raises(CalibrationError, match="not overwritten"):
        profiles.export_file("boom 3m", tmp_path / "copy.jsonl")
    taken = profiles.import_file(tmp_path / "copy.jsonl", "second")
    assert taken.history() == profiles.store("boom 3m").history()
    assert profiles.names == ("boom 3m", "second")
    with pytest.raises(CalibrationError, match="already"):
        profiles.import_file(tmp_path / "copy.jsonl", "second")
    with pytest.raises(CalibrationError, match="no calibration profile 'third'"):
        profiles.choose("third")


@pytest.mark.parametrize("name", ["", "../evil", "a/b", ".hidden"])
def test_a_name_that_is_no_file_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(CalibrationError, match="cannot name a calibration profile"):
        Profiles(tmp_path).create(name)


def test_a_file_that_is_no_calibration_is_not_imported(tmp_path: Path) -> None:
    other = tmp_path / "notes.txt"
    other.write_text("spray on Tuesday\n")
    with pytest.raises(CalibrationError, match=r"notes\.txt, line 1"):
        Profiles(tmp_path / "calibration").import_file(other, "second")
    assert not (tmp_path / "calibration").exists()


def test_the_simulated_camera_has_a_profile_of_its_own(tmp_path: Path) -> None:
    folder = {"directory": str(tmp_path)}
    profiles = Profiles(tmp_path)
    profiles.create("boom 3m")
    profiles.choose("boom 3m")
    assert profile_name(parse_config({"calibration": folder}, "test")) == SIMULATED
    real = real_camera(calibration=folder)
    assert open_store(real).path == tmp_path / "boom 3m.jsonl"
    named = real_camera(calibration={**folder, "profile": "other"})
    assert open_store(named).path == tmp_path / "other.jsonl"


@pytest.mark.parametrize(
    "key", ["camera.pose", "camera.lens.k1", "boom.nozzles.24.x_m", "boom.nozzles.1.colour", "x"]
)
def test_an_unknown_key_is_refused(key: str) -> None:
    with pytest.raises(ConfigError, match=key.replace(".", r"\.")):
        value_of(Config(), key)
