"""Muon: momentum whose update is made orthogonal, for the matrices between layers.

    update = U V^T of momentum = U S V^T, so that every direction of a matrix learns at the same speed

K. Jordan et al., "Muon: An optimizer for hidden layers in neural networks" (2024); the scale that gives updates the
size of AdamW's is that of J. Liu et al., "Muon is scalable for LLM training" (2025). torch.optim.Muon does the same in
bfloat16, which CPUs without instructions for it compute a thousand times slower: here the products are of the working
type of device.py.
"""

from __future__ import annotations

import torch

from training.device import working_type

COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # of the quintic iteration: singular values end within 0.7..1.2
ROUNDS = 5


def orthogonal(matrix: torch.Tensor) -> torch.Tensor:
    """U V^T of the matrix [rows, cols], nearly: all singular values that are not tiny come close to 1."""
    a, b, c = COEFFICIENTS
    x = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    x = (x / x.norm().clamp(min=1e-7)).to(working_type(matrix.device))
    for _ in range(ROUNDS):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return (x if matrix.shape[0] <= matrix.shape[1] else x.T).to(matrix.dtype)


class Muon(torch.optim.Optimizer):
    """For parameters of two dimensions only; state per parameter: `momentum_buffer`."""

    def __init__(self, weights, lr: float = 1e-3, weight_decay: float = 0.0, momentum: float = 0.95):
        super().__init__(weights, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum})

    @torch.no_grad()
    def step(self) -> None:
        """One update of every parameter that has a gradient (Nesterov's momentum, decoupled weight decay)."""
        for group in self.param_groups:
            for weight in (p for p in group["params"] if p.grad is not None):
                state = self.state[weight]
                if not state:
                    state["momentum_buffer"] = torch.zeros_like(weight)
                buffer = state["momentum_buffer"].lerp_(weight.grad, 1 - group["momentum"])
                update = orthogonal(weight.grad.lerp(buffer, group["momentum"]))
                weight.mul_(1 - group["lr"] * group["weight_decay"])
                weight.add_(update, alpha=-group["lr"] * 0.2 * max(weight.shape) ** 0.5)
