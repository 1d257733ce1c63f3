"""The network of sdk/src/nn/network.h in PyTorch: same layers, same names, float weights.

All tensors are [frames, batch, channels]. Convolutions are causal and the recurrent layers run forward, so segments may
be cut into chunks: `forward` takes and returns the states. Every matrix but the first passes through int8 rounding (see
quantize.py) when `rounding` is on. Topology: Valin et al. 2020, figure 3; gates as in Cho et al. 2014, in the form of
PyTorch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from linnet.model import blob
from training import gru
from training.device import working_type
from training.quantize import round_rows


@dataclass(frozen=True)
class Cost:
    """Of a frame: multiply-adds; bytes of all int8 weights; and of those of them that every frame must read again,
    because a recurrent layer cannot wait for the next frame."""

    products: int
    weights: int
    recurrent: int


def product(weight: torch.Tensor, rows: int, bias: torch.Tensor | None = None):
    """x -> x W^T + b for many x of [rows, cols], bias only where given; laid out for the tile unit once in bfloat16.

    Without that the matrix would be converted for every frame, which costs more than the product.
    """
    if weight.dtype != torch.bfloat16:
        return lambda x: functional.linear(x, weight, bias)
    packed = torch.ops.mkldnn._reorder_linear_weight(weight.contiguous(), rows)
    return lambda x: torch.ops.mkldnn._linear_pointwise(x, packed, bias, "none", [], "")


class RecurrentFunction(torch.autograd.Function):
    """A GRU layer over a whole chunk, with its gradient written out: one product per frame and few small operations.

    Faster on a CPU than automatic differentiation through the frames, because the weight gradients and the input side
    become single large products. States and gradients that pass from frame to frame are float32 at all times. For where
    the compiled layer of gru.py is missing.
    """

    @staticmethod
    def forward(ctx, x, state, weight_input, weight_state, bias_input, bias_state):
        """x [T, B, C], state [B, H] -> states after each frame [T, B, H], and the last of them [B, H]."""
        frames, batch, _ = x.shape
        width = state.shape[1]
        kind = working_type()
        x, weight_input, weight_state = x.to(kind), weight_input.to(kind), weight_state.to(kind)
        side = functional.linear(x, weight_input, bias_input.to(kind))  # [T, B, 3 H]: reset, update, candidate
        recur = product(weight_state, batch, bias_state.to(kind))
        gates = torch.empty(frames, batch, 2 * width, dtype=kind)
        candidates = torch.empty(frames, batch, width, dtype=kind)
        from_states = torch.empty(frames, batch, width, dtype=kind)
        states = torch.empty(frames, batch, width)
        before = torch.empty(frames + 1, batch, width, dtype=kind)  # the states again, as the products see them
        before[0] = state
        previous = state
        # Views are made for all frames at once: one by one they would cost as much as the arithmetic.
        for to_gates, to_candidate, seen, gate, reset, update, from_state, candidate, now, copy in zip(
            side[:, :, : 2 * width].unbind(),
            side[:, :, 2 * width :].unbind(),
            before[:-1].unbind(),
            gates.unbind(),
            gates[:, :, :width].unbind(),
            gates[:, :, width:].unbind(),
            from_states.unbind(),
            candidates.unbind(),
            states.unbind(),
            before[1:].unbind(),
            strict=True,
        ):
            recurrent = recur(seen)
            torch.add(to_gates, recurrent[:, : 2 * width], out=gate).sigmoid_()
            from_state.copy_(recurrent[:, 2 * width :])
            torch.addcmul(to_candidate, reset, from_state, out=candidate).tanh_()
            previous = torch.lerp(candidate.float(), previous, update.float(), out=now)
            copy.copy_(now)
        ctx.save_for_backward(x, weight_input, weight_state, gates, candidates, from_states, before)
        return states, previous.clone()

    @staticmethod
    def backward(ctx, grad_out, grad_last):
        """Gradients of all six arguments of forward."""
        x, weight_input, weight_state, gates, candidates, from_states, before = ctx.saved_tensors
        frames, batch, width = candidates.shape
        kind = candidates.dtype
        grad_side = torch.empty(frames, batch, 3 * width, dtype=kind)
        grad_recurrent = torch.empty(frames, batch, 3 * width, dtype=kind)
        recur = product(weight_state.t(), batch)
        grad_state = grad_last.clone()
        one = torch.ones((), dtype=kind)
        views = zip(
            grad_out.unbind(),
            gates[:, :, :width].unbind(),
            gates[:, :, width:].unbind(),
            candidates.unbind(),
            before[:-1].unbind(),
            from_states.unbind(),
            grad_side[:, :, :width].unbind(),
            grad_side[:, :, width : 2 * width].unbind(),
            grad_side[:, :, 2 * width :].unbind(),
            grad_recurrent[:, :, 2 * width :].unbind(),
            grad_side[:, :, : 2 * width].unbind(),
            grad_recurrent[:, :, : 2 * width].unbind(),
            grad_recurrent.unbind(),
            strict=True,
        )
        for frame in reversed(list(views)):
            out, reset, update, candidate, previous, from_state, *grads = frame
            to_reset, to_update, through, to_state, gate, copy, all_ = grads
            grad = grad_state.add_(out).to(kind, copy=True)
            kept = grad * update
            torch.addcmul(one, candidate, candidate, value=-1, out=through).mul_(grad.sub_(kept))
            torch.mul(previous - candidate, torch.addcmul(kept, kept, update, value=-1), out=to_update)
            torch.mul(through, reset, out=to_state)
            torch.addcmul(to_state, to_state, reset, value=-1, out=to_reset).mul_(from_state)
            copy.copy_(gate)
            grad_state.mul_(update).add_(recur(all_))
        flat_side = grad_side.view(-1, 3 * width)
        flat_recurrent = grad_recurrent.view(-1, 3 * width)
        grad_x = (flat_side @ weight_input).view_as(x).float() if ctx.needs_input_grad[0] else None
        return (
            grad_x,
            grad_state,
            (flat_side.t() @ x.reshape(-1, x.shape[2])).float(),
            (flat_recurrent.t() @ before[:-1].reshape(-1, width)).float(),
            flat_side.sum(0, dtype=torch.float32),
            flat_recurrent.sum(0, dtype=torch.float32),
        )


class Dense(nn.Module):
    """y = W x + b; W [rows, cols]. Between layers (`inner`) factors and result are of the working type."""

    def __init__(self, cols: int, rows: int, inner: bool = False):
        super().__init__()
        self.inner = inner
        self.weight = nn.Parameter(torch.empty(rows, cols))
        self.bias = nn.Parameter(torch.zeros(rows))
        nn.init.xavier_uniform_(self.weight)

    def forward(self, x: torch.Tensor, rounding: bool) -> torch.Tensor:
        """[..., cols] -> [..., rows]."""
        weight = round_rows(self.weight) if rounding else self.weight
        kind = working_type(x.device) if self.inner else torch.float32
        return functional.linear(x.to(kind), weight.to(kind), self.bias.to(kind)).float()


class Recurrent(nn.Module):
    """GRU layer; rows of both matrices are reset, update, candidate."""

    def __init__(self, cols: int, width: int):
        super().__init__()
        self.width = width
        self.weight_input = nn.Parameter(torch.empty(3 * width, cols))
        self.weight_state = nn.Parameter(torch.empty(3 * width, width))
        self.bias_input = nn.Parameter(torch.zeros(3 * width))
        self.bias_state = nn.Parameter(torch.zeros(3 * width))
        nn.init.xavier_uniform_(self.weight_input)
        for gate in self.weight_state.data.split(width):
            nn.init.orthogonal_(gate)
        self.bias_input.data[width : 2 * width] = 1.0  # start by keeping the state

    def forward(self, x: torch.Tensor, state: torch.Tensor, rounding: bool) -> tuple[torch.Tensor, torch.Tensor]:
        """x [T, B, cols], state [B, width] -> states [T, B, width], the last of them."""
        weights = (self.weight_input, self.weight_state)
        if rounding:
            weights = tuple(round_rows(weight) for weight in weights)
        if x.is_cuda:
            return gru.cudnn(x, state, *weights, self.bias_input, self.bias_state)
        kind = working_type()
        if gru.available(kind):
            return gru.Function.apply(kind, x.float(), state, *weights, self.bias_input, self.bias_state)
        return RecurrentFunction.apply(x, state, *weights, self.bias_input, self.bias_state)


def unfold(x: torch.Tensor, history: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """[T, B, C] with the K frames before -> [T, B, (K + 1) C], oldest frame first, and the new history."""
    padded = torch.cat([history, x])
    frames = x.shape[0]
    return torch.cat([padded[k : k + frames] for k in range(len(history) + 1)], dim=2), padded[frames:].detach()


class Network(nn.Module):
    """70 features in; gains and strengths (0..1) and the logit of the speech probability out."""

    def __init__(self, dense: int, hidden: int, strength: int, dropout: float = 0.0):
        super().__init__()
        self.widths = (dense, hidden, strength)
        self.dropout = nn.Dropout(dropout)  # between layers, in training only; heads see all there is
        shapes = {one.name: (one.cols, one.rows) for one in blob.matrices(blob.Widths(*self.widths))}

        def recurrent(name: str) -> Recurrent:
            return Recurrent(shapes[f"{name}.input"][0], shapes[f"{name}.recurrent"][0])

        self.dense = Dense(*shapes["dense"])
        self.conv1 = Dense(*shapes["conv1"], inner=True)
        self.conv2 = Dense(*shapes["conv2"], inner=True)
        self.gru1 = recurrent("gru1")
        self.gru2 = recurrent("gru2")
        self.gru3 = recurrent("gru3")
        self.gru4 = recurrent("gru4")
        self.gru5 = recurrent("gru5")
        self.gain_head = Dense(*shapes["gain"])
        self.strength_head = Dense(*shapes["strength"])
        self.speech_head = Dense(*shapes["speech"])

    def matrices(self) -> list[str]:
        """Names of the weights between layers: neither of the first layer nor of a head."""
        names = [name for name, _ in self.named_parameters()]
        return [name for name in names if name.startswith(("conv", "gru")) and ".weight" in name]

    def cost(self) -> Cost:
        """What a frame takes: each weight is used once."""
        matrices = {name: value.numel() for name, value in self.named_parameters() if value.dim() == 2}
        recurrent = sum(count for name, count in matrices.items() if name.endswith("weight_state"))
        return Cost(sum(matrices.values()), count_weights(self), recurrent)

    def start(self, batch: int) -> list[torch.Tensor]:
        """States of a stream that has not begun: two convolution histories and five recurrent states."""
        dense, hidden, strength = self.widths
        convolutions = ((self.conv1, dense), (self.conv2, hidden))
        shapes = [(layer.weight.shape[1] // width - 1, batch, width) for layer, width in convolutions]
        shapes += [(batch, hidden)] * 4 + [(batch, strength)]
        return [torch.zeros(shape, device=self.dense.weight.device) for shape in shapes]

    def forward(self, features: torch.Tensor, states: list[torch.Tensor], rounding: bool = False):
        """features [T, B, 70] -> gains [T, B, 34], strengths [T, B, 34], speech logit [T, B], states (detached)."""
        gains, strengths, speech, _, carried = self.logits(features, states, rounding)
        return torch.sigmoid(gains), torch.sigmoid(strengths), speech, carried

    def logits(self, features: torch.Tensor, states: list[torch.Tensor], rounding: bool):
        """The same before the sigmoid, and, before the states, what the last layers say [T, B, 2 hidden]."""
        x = torch.tanh(self.dense(features, False))
        x, history1 = unfold(x, states[0])
        x = torch.tanh(self.conv1(x, rounding))
        x, history2 = unfold(x, states[1])
        conv2 = torch.tanh(self.conv2(x, rounding))
        gru1, state1 = self.gru1(self.dropout(conv2), states[2], rounding)
        gru2, state2 = self.gru2(self.dropout(gru1), states[3], rounding)
        gru3, state3 = self.gru3(self.dropout(gru2), states[4], rounding)
        gru4, state4 = self.gru4(self.dropout(gru3), states[5], rounding)
        gru5, state5 = self.gru5(self.dropout(torch.cat([gru3, conv2], 2)), states[6], rounding)
        gains = self.gain_head(torch.cat([conv2, gru1, gru2, gru3, gru4], 2), rounding)
        strengths = self.strength_head(gru5, rounding)
        speech = self.speech_head(gru4, rounding)[:, :, 0]
        carried = [history1, history2] + [state.detach() for state in (state1, state2, state3, state4, state5)]
        return gains, strengths, speech, torch.cat([conv2, gru4], 2), carried


def count_weights(network: nn.Module) -> int:
    """Weights and biases."""
    return sum(math.prod(parameter.shape) for parameter in network.parameters())
