"""What a training run says of itself: on the terminal, in log.csv, to TensorBoard."""

from __future__ import annotations

import csv

from tqdm import tqdm

LOGGED = [
    "kind",
    "step",
    "hours",
    "rate",
    "loss",
    "gain",
    "strength",
    "speech",
    "energy",
    "disturbance",
    "magnitude",
    "spectrum",
    "norm",
    "snr_in",
    "snr_out",
    "frames_per_s",
    "waiting",
    "skipped",
    "low",
    "snr_clean",
]


class Log:
    """A line on the terminal, a row of log.csv and TensorBoard scalars for each report."""

    def __init__(self, run):
        self.run = run
        self.rows = run.folder / "log.csv"
        self.terminal = tqdm(total=1000, unit="%o", disable=None, bar_format="{l_bar}{bar}| {elapsed} {postfix}")
        self.writer = None
        if run.config.tensorboard:
            from torch.utils.tensorboard import SummaryWriter

            self.writer = SummaryWriter(run.folder / "events")

    def report(self, kind: str, values: dict[str, float]) -> None:
        """kind "train" or "valid"."""
        run = self.run
        row = {"kind": kind, "step": run.step, "hours": run.elapsed() / 3600, "rate": run.rate()} | values
        new = not self.rows.is_file()
        with open(self.rows, "a", newline="") as file:
            table = csv.DictWriter(file, LOGGED, restval="", extrasaction="ignore")
            if new:
                table.writeheader()
            table.writerow({key: f"{value:.6g}" if isinstance(value, float) else value for key, value in row.items()})
        if self.writer:
            for key, value in values.items():
                self.writer.add_scalar(f"{kind}/{key}", value, run.step)
            self.writer.flush()
        text = " ".join(f"{key} {value:.4g}" for key, value in values.items())
        line = f"{kind} {100 * run.progress():5.1f} % step {run.step} {row['hours']:.2f} h lr {row['rate']:.2e} {text}"
        if self.terminal.disable:
            print(line, flush=True)
        elif kind == "valid":
            self.terminal.write(line)
        else:
            self.terminal.n = int(1000 * run.progress())
            self.terminal.set_postfix_str(f"step {run.step} loss {values.get('loss', float('nan')):.4f}")

    def close(self) -> None:
        """Ends the progress bar and the event file."""
        self.terminal.close()
        if self.writer:
            self.writer.close()
