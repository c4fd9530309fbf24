"""A family of small networks with numbers in their names, for `agriseg models search`."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass

from torch import Tensor, nn

from agriseg.models.networks.layers import conv_norm, resized_to
from agriseg.models.networks.resolution_branches import BasicBlock

_NAME = re.compile(r"searched-w(\d{1,2})-d(\d)-b(\d)")
_WIDTHS = range(4, 65)
_DEPTHS = range(1, 5)
_BRANCHES = range(1, 5)


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchedShape:
    """One member of the family.

    Attributes
    ----------
    width : int
        Channels at stride 4; they double with each branch.
    depth : int
        Residual blocks per branch.
    branches : int
        Branches at strides 4, 8, 16 and 32, as many as there are.
    """

    width: int
    depth: int
    branches: int

    @property
    def name(self) -> str:
        """The architecture's name, which `parse_searched` reads back."""
        return f"searched-w{self.width}-d{self.depth}-b{self.branches}"


def parse_searched(name: str) -> SearchedShape | None:
    """Return the shape that a name stands for; None when it is no name of this family."""
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    width, depth, branches = (int(number) for number in match.groups())
    if width not in _WIDTHS or depth not in _DEPTHS or branches not in _BRANCHES:
        return None
    return SearchedShape(width=width, depth=depth, branches=branches)


class SearchedNet(nn.Module):
    """Branches of residual blocks at halving resolutions, summed from coarse to fine.

    Blocks of He et al., CVPR 2016; branches as in Yu et al., "BiSeNet", ECCV 2018, as many as the
    shape says; logits at a quarter of the resolution.

    Parameters
    ----------
    classes : int
    shape : SearchedShape
    """

    def __init__(self, classes: int, shape: SearchedShape) -> None:
        super().__init__()
        widths = [shape.width << level for level in range(shape.branches)]
        self.stem = nn.Sequential(
            conv_norm(3, shape.width, 3, stride=2),
            conv_norm(shape.width, shape.width, 3, stride=2),
        )
        self.down = nn.ModuleList(
            conv_norm(fine, coarse, 3, stride=2) for fine, coarse in itertools.pairwise(widths)
        )
        self.branches = nn.ModuleList(
            nn.Sequential(*(BasicBlock(width, width, act=True) for _ in range(shape.depth)))
            for width in widths
        )
        self.up = nn.ModuleList(
            conv_norm(coarse, fine, 1, act=False) for fine, coarse in itertools.pairwise(widths)
        )
        self.classify = nn.Sequential(
            conv_norm(shape.width, shape.width, 3), nn.Conv2d(shape.width, classes, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(N, 3, H, W)`` to logits ``(N, classes, H / 4, W / 4)``."""
        features = [self.branches[0](self.stem(x))]
        for down, branch in zip(self.down, list(self.branches)[1:], strict=True):
            features.append(branch(down(features[-1])))
        y = features.pop()
        for up in reversed(self.up):
            fine = features.pop()
            y = fine + resized_to(up(y), fine)
        logits: Tensor = self.classify(y)
        return logits
