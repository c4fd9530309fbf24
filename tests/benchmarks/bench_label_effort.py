"""How many actions a pre-label saves: maize frames that the shipped model never saw.

A scripted person (`scripted_labeller`, which says what an action is) labels the held-out block of
the maize set until the mean intersection over union of soil, crop and weed with the true mask is
reached in every picture:

* from nothing, by hand: with polygons alone, and with polygons and brush; the lesser counts;
* from the shipped model's pre-label, with every tool.

The figure that is asked for is the first over the second at an IoU of 0.95: at least 5. Exit status
1 where it is missed. The actions to a lower IoU are printed too: the last points cost most,
because half of what remains are edges, one or two pixels wide, that the true mask's own author
drew by hand.

    python tests/benchmarks/bench_label_effort.py --data DIR [--pictures N] [--iou 0.95]
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from scripted_labeller import ALL_TOOLS, BY_HAND, ScriptedLabeller

from agriseg.datasets.folder import list_folder
from agriseg.datasets.labels import Sample
from agriseg.labelling.document import LabelDocument
from agriseg.labelling.prelabel import look_carefully, prelabel, proposal_of
from agriseg.models import open_segmenter
from agriseg.opencv import use_one_thread
from agriseg.ports import Segmenter

HELD_OUT = "block2"
POLYGONS = frozenset({"polygon"})
ARMS = {"polygons": POLYGONS, "by hand": BY_HAND, "pre-label": ALL_TOOLS}
LOWER_IOU = 0.90


def main() -> int:
    """Measure and print; exit status 1 where the figure is missed."""
    parser = argparse.ArgumentParser(description="Actions with and without a pre-label.")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), metavar="DIR")
    parser.add_argument("--pictures", type=int, default=15)
    parser.add_argument("--iou", type=float, default=0.95)
    args = parser.parse_args()
    use_one_thread()
    samples = list_folder(args.data / "maize", "maize")
    held_out = [sample for sample in samples if sample.group == HELD_OUT][: args.pictures]
    goals = sorted({LOWER_IOU, args.iou})
    actions: dict[tuple[str, float], list[int]] = {(a, g): [] for a in ARMS for g in goals}
    segmenter = open_segmenter(None, threads=1)
    try:
        for sample in held_out:
            for arm, tools in ARMS.items():
                labeller = _labeller(sample, tools, segmenter if arm == "pre-label" else None)
                begin = labeller.mean_iou()
                for goal in goals:
                    done = labeller.work_until(goal)
                    actions[arm, goal].append(labeller.actions)
                    print(
                        f"{sample.stem} {arm:9} IoU {begin:.3f} to {labeller.mean_iou():.3f}: "
                        f"{labeller.actions:5} actions{'' if done else ' (given up)'} "
                        f"{labeller.used}",
                        flush=True,
                    )
    finally:
        segmenter.close()
    ratios = [_ratio(actions, goal) for goal in goals]
    return 0 if ratios[goals.index(args.iou)] >= 5.0 else 1


def _ratio(actions: dict[tuple[str, float], list[int]], goal: float) -> float:
    by_hand = np.minimum(actions["polygons", goal], actions["by hand", goal]).sum()
    begun = sum(actions["pre-label", goal])
    ratio = float(by_hand / max(begun, 1))
    print(
        f"to IoU {goal:.2f}, {len(actions['by hand', goal])} pictures: {by_hand} actions by hand, "
        f"{begun} from the pre-label: {ratio:.1f} times fewer (asked for at 0.95: 5)"
    )
    return ratio


def _labeller(
    sample: Sample, tools: frozenset[str], segmenter: Segmenter | None
) -> ScriptedLabeller:
    image, labels = sample.load_labels(with_ids=False)
    document = LabelDocument(np.array(image))
    if segmenter is not None:
        edit = prelabel(document, proposal_of(look_carefully(segmenter, document.image)))
        if edit is not None:
            document.apply(edit)
    return ScriptedLabeller(document, labels.mask, tools)


if __name__ == "__main__":
    sys.exit(main())
