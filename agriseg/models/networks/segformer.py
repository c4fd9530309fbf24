"""SegFormer: attention at four resolutions, and a decoder of linear layers."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from agriseg.models.networks.layers import conv_norm, resized_to

_WIDTHS = (32, 64, 160, 256)
_HEADS = (1, 2, 5, 8)
_REDUCTIONS = (8, 4, 2, 1)
_DEPTHS = (2, 2, 2, 2)
_EXPANSION = 4
_DECODER_WIDTH = 256


class SegFormer(nn.Module):
    """SegFormer-B0, logits at a quarter of the resolution.

    Xie et al., "SegFormer: Simple and Efficient Design for Semantic Segmentation with
    Transformers", NeurIPS 2021; without its random depth.

    Parameters
    ----------
    classes : int
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        inputs = (3, *_WIDTHS[:-1])
        self.stages = nn.ModuleList(_Stage(level, inputs[level]) for level in range(len(_WIDTHS)))
        self.unify = nn.ModuleList(nn.Conv2d(width, _DECODER_WIDTH, 1) for width in _WIDTHS)
        self.fuse = conv_norm(_DECODER_WIDTH * len(_WIDTHS), _DECODER_WIDTH, 1)
        self.classify = nn.Conv2d(_DECODER_WIDTH, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(N, 3, H, W)`` to logits ``(N, classes, H / 4, W / 4)``."""
        features: list[Tensor] = []
        for stage, unify in zip(self.stages, self.unify, strict=True):
            x = stage(x)
            feature = unify(x)
            features.append(resized_to(feature, features[0]) if features else feature)
        logits: Tensor = self.classify(self.fuse(torch.cat(features, dim=1)))
        return logits


class _Stage(nn.Module):
    """Overlapping patches become tokens; blocks of attention and mixing follow."""

    def __init__(self, level: int, inputs: int) -> None:
        super().__init__()
        width = _WIDTHS[level]
        kernel_px, stride = (3, 2) if level else (7, 4)
        self.embed = nn.Conv2d(inputs, width, kernel_px, stride, kernel_px // 2)
        self.norm_in = nn.LayerNorm(width)
        self.blocks = nn.ModuleList(
            _Block(width, _HEADS[level], _REDUCTIONS[level]) for _ in range(_DEPTHS[level])
        )
        self.norm_out = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        x = self.embed(x)
        height, width = x.shape[2:]
        tokens = self.norm_in(_to_tokens(x))
        for block in self.blocks:
            tokens = block(tokens, height, width)
        return _to_map(self.norm_out(tokens), height, width)


class _Block(nn.Module):
    def __init__(self, width: int, heads: int, reduction: int) -> None:
        super().__init__()
        self.norm_attention = nn.LayerNorm(width)
        self.attention = _EfficientAttention(width, heads, reduction)
        self.norm_mix = nn.LayerNorm(width)
        self.mix = _MixFeedForward(width)

    def forward(self, tokens: Tensor, height: int, width: int) -> Tensor:
        tokens = tokens + self.attention(self.norm_attention(tokens), height, width)
        mixed: Tensor = tokens + self.mix(self.norm_mix(tokens), height, width)
        return mixed


class _EfficientAttention(nn.Module):
    """Every token asks, but only a reduced map of them answers."""

    def __init__(self, width: int, heads: int, reduction: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width)
        self.project = nn.Linear(width, width)
        self.reduce: nn.Module | None = None
        if reduction > 1:
            self.reduce = nn.Conv2d(width, width, reduction, stride=reduction)
            self.norm = nn.LayerNorm(width)

    def forward(self, tokens: Tensor, height: int, width: int) -> Tensor:
        answering = tokens
        if self.reduce is not None:
            answering = self.norm(_to_tokens(self.reduce(_to_map(tokens, height, width))))
        key, value = self.key_value(answering).chunk(2, dim=-1)
        query, key, value = (self._split(part) for part in (self.query(tokens), key, value))
        scale = query.shape[-1] ** -0.5
        weights = torch.softmax(query @ key.transpose(-2, -1) * scale, dim=-1)
        joined: Tensor = self.project((weights @ value).transpose(1, 2).flatten(2))
        return joined

    def _split(self, tokens: Tensor) -> Tensor:
        """Map ``(N, L, heads * c)`` to ``(N, heads, L, c)``."""
        count, length, width = tokens.shape
        heads = tokens.reshape(count, length, self.heads, width // self.heads)
        return heads.transpose(1, 2)


class _MixFeedForward(nn.Module):
    """A feed-forward layer whose 3x3 filter tells tokens where they are."""

    def __init__(self, width: int) -> None:
        super().__init__()
        hidden = width * _EXPANSION
        self.expand = nn.Linear(width, hidden)
        self.filter = nn.Conv2d(hidden, hidden, 3, padding=1, groups=hidden)
        self.project = nn.Linear(hidden, width)

    def forward(self, tokens: Tensor, height: int, width: int) -> Tensor:
        mapped = self.filter(_to_map(self.expand(tokens), height, width))
        mixed: Tensor = self.project(functional.gelu(_to_tokens(mapped)))
        return mixed


def _to_tokens(x: Tensor) -> Tensor:
    """Map ``(N, C, h, w)`` to ``(N, h * w, C)``."""
    return x.flatten(2).transpose(1, 2)


def _to_map(tokens: Tensor, height: int, width: int) -> Tensor:
    """Map ``(N, h * w, C)`` to ``(N, C, h, w)``."""
    return tokens.transpose(1, 2).reshape(tokens.shape[0], -1, height, width)
