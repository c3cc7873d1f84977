"""Instance normalisation, scale and shift and LeakyReLU as one operation that keeps the memory's layout.

PyTorch's own instance norm folds the batch into the channels and so undoes channels_last (pytorch #72341): the
convolutions around it then work on the slow layout, or on copies. Here the pictures of a batch are normalised one by
one in the layout they come in, with statistics in full precision, and the activation is done in place.

Only the generator has norms, and only the discriminator is derived twice (R1): this one can be derived once.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

EPSILON = 1e-5
"""Added to the variance, as in nn.InstanceNorm2d."""

SLOPE = 0.2
"""What LeakyReLU leaves of the negative side, everywhere in StarGAN v2."""


def normalised(x: Tensor, scale: Tensor, shift: Tensor, *, fused: bool) -> Tensor:
    """leaky_relu(scale · (x − mean) / deviation + shift), mean and deviation per picture and channel.

    x [N,C,H,W]; scale and shift [N,C], or [C] for all pictures alike. `fused` off: operation by operation.
    """
    count, channels = x.shape[:2]
    scale, shift = (row.expand(count, channels) for row in (scale, shift))
    if torch.compiler.is_compiling():
        return _spelled_out(x, scale, shift)
    if fused:
        return _Normalised.apply(x, scale, shift)
    plain = F.instance_norm(x, eps=EPSILON)
    return F.leaky_relu(scale[:, :, None, None] * plain + shift[:, :, None, None], SLOPE)


def _spelled_out(x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """For the compiler, which fuses it by itself."""
    wide = x.to(scale.dtype)
    variance, mean = torch.var_mean(wide, (2, 3), correction=0, keepdim=True)
    gain = scale[:, :, None, None] * (variance + EPSILON).rsqrt()
    return F.leaky_relu(gain * (wide - mean) + shift[:, :, None, None], SLOPE).to(x.dtype)


class _Normalised(torch.autograd.Function):
    """Saves its input and its output, which the convolution behind it keeps anyway."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
        by_picture = _forward_on_a_processor if x.device.type == "cpu" else _forward_at_once
        y, mean, precision = by_picture(x, scale, shift)
        F.leaky_relu_(y, SLOPE)
        ctx.save_for_backward(x, y, scale, mean, precision)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x, y, scale, mean, precision = ctx.saved_tensors
        # The slope is positive, so the output's sign is that of what went into the activation.
        gradient = torch.ops.aten.leaky_relu_backward(gradient, y, SLOPE, True)
        by_picture = _backward_on_a_processor if x.device.type == "cpu" else _backward_at_once
        return by_picture(gradient, x, scale, mean, precision)


# --- on a processor: a batch norm of each picture, which reads channels_last and mixes precisions ------------------


def _forward_on_a_processor(x: Tensor, scale: Tensor, shift: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    y = torch.empty_like(x)
    mean, precision = torch.empty_like(scale), torch.empty_like(scale)
    for n in range(x.shape[0]):
        torch.ops.aten.native_batch_norm.out(
            x[n : n + 1], scale[n], shift[n], None, None, True, 0.0, EPSILON,
            out=y[n : n + 1], save_mean=mean[n], save_invstd=precision[n],
        )  # fmt: skip
    return y, mean, precision


def _backward_on_a_processor(
    gradient: Tensor, x: Tensor, scale: Tensor, mean: Tensor, precision: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    to_x, to_scale, to_shift = torch.empty_like(x), torch.empty_like(scale), torch.empty_like(scale)
    for n in range(x.shape[0]):
        torch.ops.aten.native_batch_norm_backward.out(
            gradient[n : n + 1], x[n : n + 1], scale[n], None, None, mean[n], precision[n], True, EPSILON,
            [True, True, True], out0=to_x[n : n + 1], out1=to_scale[n], out2=to_shift[n],
        )  # fmt: skip
    return to_x, to_scale, to_shift


# --- elsewhere: few large kernels for the whole batch --------------------------------------------------------------


def _forward_at_once(x: Tensor, scale: Tensor, shift: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    size = x.shape[2] * x.shape[3]
    mean = x.sum((2, 3), dtype=scale.dtype) / size
    square = torch.linalg.vector_norm(x, dim=(2, 3), dtype=scale.dtype).square() / size
    precision = ((square - mean.square()).clamp_min(0) + EPSILON).rsqrt()
    gain = scale * precision
    return torch.addcmul(_wide(shift - gain * mean, x), x, _wide(gain, x)), mean, precision


def _backward_at_once(
    gradient: Tensor, x: Tensor, scale: Tensor, mean: Tensor, precision: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    size = x.shape[2] * x.shape[3]
    to_shift = gradient.sum((2, 3), dtype=scale.dtype)
    along = (gradient * x).sum((2, 3), dtype=scale.dtype)
    to_scale = precision * (along - mean * to_shift)
    # d/dx = gain · (g − mean(g) − x̂ · mean(g · x̂)), written as one line in g and x per picture and channel
    gain = scale * precision
    slant = -gain * precision * to_scale / size
    level = -gain * to_shift / size - slant * mean
    to_x = torch.addcmul(_wide(level, x), gradient, _wide(gain, x)).addcmul_(x, _wide(slant, x))
    return to_x, to_scale, to_shift


def _wide(row: Tensor, x: Tensor) -> Tensor:
    return row.to(x.dtype)[:, :, None, None]
