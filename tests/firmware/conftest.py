"""Builds the firmware once for all tests here; skips where a toolchain is missing."""

from __future__ import annotations

from pathlib import Path

import pytest
from firmware_build import SOURCES, build_fake, build_mega, build_simavr_shim, missing_packages


def need(missing: str) -> None:
    """Skip the test if something is not installed."""
    if missing:
        pytest.skip(missing)


@pytest.fixture(scope="session")
def fake_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the core as a shared library with the test board of 16 valves."""
    need(missing_packages())
    return build_fake(tmp_path_factory.mktemp("fake") / "libfake.so", sources=SOURCES)


@pytest.fixture(scope="session")
def wide_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the core as a shared library with as many valves and places as the native board."""
    need(missing_packages())
    options = ("-DBOARD_VALVES=64", "-DBOARD_QUEUE=1000")
    target = tmp_path_factory.mktemp("wide") / "libwide.so"
    return build_fake(target, sources=SOURCES, options=options)


@pytest.fixture(scope="session")
def mega_elf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the Mega 2560's firmware."""
    need(missing_packages(avr=True))
    return build_mega(tmp_path_factory.mktemp("mega"), sources=SOURCES)


@pytest.fixture(scope="session")
def simavr_shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the shim around simavr."""
    need(missing_packages(simavr=True))
    return build_simavr_shim(tmp_path_factory.mktemp("shim") / "libshim.so")
