"""``agriseg labels``: label projects on the command line."""

from __future__ import annotations

import argparse

from agriseg.commands import (
    labels_check,
    labels_export,
    labels_import,
    labels_list,
    labels_new,
    labels_prelabel,
    labels_select,
)

_DESCRIPTION = """\
Label projects: pictures with their labels, classes and states, as the window's page Label edits
them and `agriseg train` reads them (kind = "folder"). One program edits a project at a time;
looking is always possible."""

_EPILOG = """\
examples:
  agriseg labels new my-field --images photos/
  agriseg labels prelabel my-field
  agriseg labels list my-field --state "to do"
  agriseg labels state my-field done photo_0001 photo_0002
  agriseg labels check my-field
  agriseg labels stats my-field
  agriseg labels agree my-field the-same-by-another
  agriseg labels import task_7_cvat.zip my-field
  agriseg labels export my-field --format coco --out coco
  agriseg labels select runs/20260714-091502 --budget 20 --project my-field

The files are described in agriseg/labelling/FORMAT.md."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "labels",
        help="label projects: make, list, check, compare, import, export, select",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", dest="action", required=True)
    for module in (
        labels_new,
        labels_list,
        labels_prelabel,
        labels_check,
        labels_import,
        labels_export,
        labels_select,
    ):
        module.add_action(actions)
