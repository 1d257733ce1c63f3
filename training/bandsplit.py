"""A network whose recurrent layers are shared by all parts of the spectrum: small matrices, many columns.

Two neighbouring bands are a token of `channels` numbers. A matrix of each token's own makes it from the features around
its bands and, where asked for, from the bins of 50 Hz inside them (`fine`). Then blocks: a GRU over time whose weights
all tokens share; a few numbers of each token, together, go through a GRU over the whole spectrum (the context); what
that tells each token, and the token's own states, give the next tokens. Heads of each token's own read the last ones.
A trunk, where there is one, is a model.Network that comes first: it tells each token of the whole spectrum, and the
heads add to what its own heads say, from nothing on, so that a trained trunk loses nothing. With `taps` above 0 the
network also gives complex filters over so many frames for the bins below 4.9 kHz, whose output is added to what gains
and comb make of them.

After the band-split networks (Luo and Yu 2023), sub-band and full-band models (Hao et al. 2021) and deep filtering
(Mack and Habets 2020, Schroeter et al. 2022). Tensors are [frames, batch, ...]; recurrent layers run forward, segments
may be cut into chunks.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from linnet._core import FEATURES, FINE, TOKENS
from linnet._core import LOW_BINS as LOW
from linnet.model import shapes
from linnet.model.shapes import SHARE
from training.device import working_type
from training.model import Cost, Dense, Network, Recurrent, count_weights
from training.quantize import round_rows

TOLD = 8  # numbers that the trunk tells each token


def token_inputs(fine: bool, pitch: bool = True) -> torch.Tensor:
    """[17, K] places of each token's inputs in features and fine inputs; a zero, behind them, where there is none."""
    network = shapes.BandSplit(8, 1, 1, 8, fine=fine, pitch=pitch, comb=False)  # whose widths do not matter
    rows = [shapes.token_inputs(network, token) for token in range(TOKENS)]
    width = max(map(len, rows))
    return torch.tensor([row + [network.inputs] * (width - len(row)) for row in rows])


class PerToken(nn.Module):
    """A matrix of each token's own: [T, B, tokens, cols] -> [T, B, tokens, rows]."""

    def __init__(self, tokens: int, cols: int, rows: int):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(tokens, rows, cols) * cols**-0.5)
        self.bias = nn.Parameter(torch.zeros(tokens, rows))

    def forward(self, x: torch.Tensor, rounding: bool) -> torch.Tensor:
        """In the type of x."""
        frames, batch, tokens, _ = x.shape
        weight = self.weight
        if rounding:
            weight = round_rows(weight.flatten(0, 1)).view_as(weight)
        columns = x.flatten(0, 1).transpose(0, 1)  # [tokens, T B, cols]
        out = torch.baddbmm(self.bias[:, None].to(x.dtype), columns, weight.transpose(1, 2).to(x.dtype))
        return out.transpose(0, 1).unflatten(0, (frames, batch))


class Shared(Dense):
    """A dense layer in the type of its input."""

    def forward(self, x: torch.Tensor, rounding: bool) -> torch.Tensor:
        """[..., cols] -> [..., rows]."""
        weight = round_rows(self.weight) if rounding else self.weight
        return functional.linear(x, weight.to(x.dtype), self.bias.to(x.dtype))


class Memory(torch.autograd.Function):
    """h = c + z (h before - c) over the frames: what a GRU does with its gates, without its recurrent matrix."""

    @staticmethod
    def forward(ctx, update, candidate, state):
        """update, candidate [T, N, C], state [N, C], float32 -> states after each frame [T, N, C]."""
        states = torch.empty_like(candidate)
        before = state
        for gate, new, out in zip(update.unbind(), candidate.unbind(), states.unbind(), strict=True):
            torch.lerp(new, before, gate, out=out)
            before = out
        ctx.save_for_backward(update, candidate, states, state)
        return states

    @staticmethod
    def backward(ctx, grad_out):
        """Gradients of the three arguments of forward."""
        update, candidate, states, state = ctx.saved_tensors
        grads = torch.empty_like(grad_out)
        following = torch.zeros_like(state)
        for out, gate, grad in zip(
            reversed(grad_out.unbind()), reversed(update.unbind()), reversed(grads.unbind()), strict=True
        ):
            torch.add(out, following, out=grad)
            torch.mul(grad, gate, out=following)
        before = torch.cat([state[None], states[:-1]])
        return grads * (before - candidate), grads * (1 - update), following


class Diagonal(nn.Module):
    """A recurrent layer whose matrices see the input alone, of this frame and the one before: for several frames at
    once it reads them once. After quasi-recurrent networks (Bradbury et al. 2017)."""

    def __init__(self, cols: int, width: int):
        super().__init__()
        self.width = width
        self.inner = Shared(2 * cols, 2 * width)
        self.inner.bias.data[:width] = 1.0  # start by keeping the state

    def forward(self, x: torch.Tensor, state: torch.Tensor, rounding: bool) -> tuple[torch.Tensor, torch.Tensor]:
        """x [T, N, cols], state [N, width + cols] -> states [T, N, width], the last of them with the last input."""
        before, last = state.split([self.width, x.shape[2]], 1)
        pairs = torch.cat([torch.cat([last[None].to(x.dtype), x[:-1]]), x], 2)
        update, candidate = self.inner(pairs, rounding).split(self.width, 2)
        states = Memory.apply(torch.sigmoid(update).float(), torch.tanh(candidate).float(), before.contiguous())
        return states, torch.cat([states[-1], x[-1].float()], 1)


class Block(nn.Module):
    """One step in time and one across the spectrum."""

    def __init__(self, channels: int, summary: int, context: int, diagonal: bool):
        super().__init__()
        self.gru = (Diagonal if diagonal else Recurrent)(channels, channels)
        self.squeeze = Shared(channels, summary)
        self.context = Recurrent(TOKENS * summary, context)
        self.spread = Shared(context, TOKENS * summary)
        self.mix = Shared(2 * channels + summary, channels)
        self.place = nn.Parameter(0.1 * torch.randn(TOKENS, channels))

    def forward(self, x: torch.Tensor, states: list[torch.Tensor], rounding: bool):
        """x [T, B, 17, C] -> the next tokens, the context [T, B, H], and the two states."""
        own, own_state = self.gru(x.flatten(1, 2), states[0], rounding)
        own = own.to(x.dtype).view_as(x)
        few = torch.tanh(self.squeeze(own, rounding)).flatten(2)
        context, context_state = self.context(few, states[1], rounding)
        told = torch.tanh(self.spread(context.to(x.dtype), rounding)).unflatten(2, (TOKENS, -1))
        return torch.tanh(self.next(own, told, x, rounding)), context, [own_state, context_state]

    def next(self, own: torch.Tensor, told: torch.Tensor, x: torch.Tensor, rounding: bool) -> torch.Tensor:
        """mix of the three side by side: as three products, because together they would have to be copied."""
        weight = (round_rows(self.mix.weight) if rounding else self.mix.weight).to(x.dtype)
        of_own, of_told, of_x = weight.split([x.shape[3], told.shape[3], x.shape[3]], 1)
        place = (self.place + self.mix.bias).to(x.dtype)
        few = functional.linear(told, of_told) + place
        return functional.linear(own, of_own).add_(functional.linear(x, of_x)).add_(few)


class BandSplit(nn.Module):
    """Features (and fine inputs) in; gains, strengths, logit of the speech probability, and taps out."""

    def __init__(
        self,
        channels: int,
        blocks: int,
        summary: int,
        context: int,
        fine: bool,
        taps: int,
        diagonal: bool = False,
        comb: bool = True,
        pitch: bool = True,
        trunk: tuple[int, int, int] | None = None,
        dropout: float = 0.0,
    ):
        super().__init__()
        self.widths = (channels, blocks, summary, context)
        self.fine, self.taps, self.diagonal, self.comb = bool(fine), taps, bool(diagonal), bool(comb)
        self.dropout = nn.Dropout(dropout)  # of the tokens between blocks, in training only
        self.register_buffer("inputs", token_inputs(fine, pitch), persistent=False)
        self.trunk = Network(*trunk, dropout) if trunk else None
        told = 0
        if trunk:
            self.tell = Shared(2 * trunk[1], TOKENS * TOLD)
            told = TOLD + 2 * SHARE
        self.split = PerToken(TOKENS, self.inputs.shape[1] + told, channels)
        unread = self.inputs == FEATURES + (FINE if fine else 0)
        # What is never read must not set the scale on which the others are rounded.
        self.split.weight.data[:, :, : unread.shape[1]].masked_fill_(unread[:, None], 0)
        self.blocks = nn.ModuleList(Block(channels, summary, context, diagonal) for _ in range(blocks))
        self.gain_head = PerToken(TOKENS, channels, SHARE)
        self.strength_head = PerToken(TOKENS, channels, SHARE)
        self.speech_head = Dense(context, 1)
        if trunk:
            for head in (self.gain_head, self.strength_head, self.speech_head):
                nn.init.zeros_(head.weight)
        if taps:
            spans = [len(shapes.filtered_bins(token)) for token in range(TOKENS)]
            self.spans = [span for span in spans if span]  # of the first tokens
            self.tap_head = PerToken(len(self.spans), channels, max(self.spans) * taps * 2)
            nn.init.zeros_(self.tap_head.weight)

    def matrices(self) -> list[str]:
        """Names of the matrices between layers."""
        own = [
            name
            for name, value in self.named_parameters()
            if name.startswith("blocks.") and value.dim() == 2 and not name.endswith("place")
        ]
        return own + ([f"trunk.{name}" for name in self.trunk.matrices()] if self.trunk else [])

    def cost(self) -> Cost:
        """What a frame takes."""
        channels, blocks, _, context = self.widths
        products = 0
        for name, value in self.named_parameters():
            if value.dim() == 3:
                products += value.numel()
            elif value.dim() == 2 and not name.endswith(("place", "bias")):
                shared = name.startswith("blocks.") and name.split(".")[2] in ("gru", "squeeze", "mix")
                products += value.numel() * (TOKENS if shared else 1)
        recurrent = blocks * 3 * ((0 if self.diagonal else channels**2) + context**2)
        return Cost(products, count_weights(self), recurrent + (self.trunk.cost().recurrent if self.trunk else 0))

    def start(self, batch: int) -> list[torch.Tensor]:
        """States of a stream that has not begun: of each block, tokens and context, then the trunk's."""
        channels, blocks, _, context = self.widths
        own = 2 * channels if self.diagonal else channels
        device = self.split.weight.device
        shapes = [(batch * TOKENS, own), (batch, context)] * blocks
        states = [torch.zeros(shape, device=device) for shape in shapes]
        return states + (self.trunk.start(batch) if self.trunk else [])

    def forward(self, features: torch.Tensor, states: list[torch.Tensor], rounding: bool = False):
        """features [T, B, 70 (+ FINE)] -> gains, strengths [T, B, 34], speech logit [T, B], taps or None, and the
        states (detached)."""
        own, of_trunk = states[: 2 * len(self.blocks)], states[2 * len(self.blocks) :]
        padded = functional.pad(features.to(working_type(features.device)), (0, 1))
        seen, before, carried = padded[..., self.inputs], (), []
        if self.trunk:
            gains, strengths, speech, whole, of_trunk = self.trunk.logits(features[..., :FEATURES], of_trunk, rounding)
            told = torch.tanh(self.tell(whole.to(seen.dtype), rounding)).unflatten(2, (TOKENS, TOLD))
            heads = [torch.tanh(0.25 * x).to(seen.dtype).unflatten(2, (TOKENS, SHARE)) for x in (gains, strengths)]
            seen, before = torch.cat([seen, told, *heads], 3), (gains, strengths, speech)
        tokens = torch.tanh(self.split(seen, rounding))
        for index, block in enumerate(self.blocks):
            tokens, context, after = block(self.dropout(tokens), own[2 * index : 2 * index + 2], rounding)
            carried += [state.detach() for state in after]
        found = [head(tokens, rounding).flatten(2).float() for head in (self.gain_head, self.strength_head)]
        found.append(self.speech_head(context, rounding)[:, :, 0])
        if self.trunk:
            found = [value + trunk for value, trunk in zip(found, before, strict=True)]
        gains, strengths, speech = found
        strengths = torch.sigmoid(strengths) if self.comb else torch.zeros_like(strengths)
        taps = self.filters(tokens, rounding) if self.taps else None
        return torch.sigmoid(gains), strengths, speech, taps, carried + of_trunk

    def filters(self, tokens: torch.Tensor, rounding: bool) -> torch.Tensor:
        """[T, B, LOW, taps, 2], each within +-1."""
        out = self.tap_head(tokens[:, :, : len(self.spans)], rounding)
        size = 2 * self.taps
        out = torch.cat([part[..., : span * size] for part, span in zip(out.unbind(2), self.spans, strict=True)], 2)
        return torch.tanh(out.float()).unflatten(2, (LOW, self.taps, 2))
