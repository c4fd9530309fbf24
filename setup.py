"""Packs the shipped model into the installed program; all else is in pyproject.toml."""

from setuptools import find_namespace_packages, setup

CODE = find_namespace_packages(
    include=["agriseg*", "ui*", "firmware_bridge*"], exclude=["*.__pycache__*"]
)

setup(
    packages=[*CODE, "agriseg.assets"],
    package_dir={"agriseg.assets": "assets"},
    package_data={"": ["*"], "agriseg.assets": ["models/**", "udev/*"]},
)
