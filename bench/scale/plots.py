"""The plots of docs/scale.md: the same bytes every time, small enough to be committed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np

from .parameters import Quotas
from .queueing import Run
from .scenarios import HOUR, Outcome

mpl.use("Agg")
from matplotlib import pyplot as plt

# Seen without colour they differ by their line's style too.
COLOURS = ("#0b6e99", "#c2571a", "#5b7a1e", "#7a3e8e")
STYLES = ("-", "--", "-.", ":")
mpl.rcParams.update(
    {
        "svg.hashsalt": "outpaint",
        "font.size": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "grid.alpha": 0.25,
        "figure.constrained_layout.use": True,
        "legend.frameon": False,
        # One path for each line rather than one for each letter.
        "svg.fonttype": "none",
    }
)


def over_time(path: Path, outcomes: list[Outcome], unit: float, label: str, picture_bins: int) -> None:
    """Jobs coming in, backlog, instances, and the 95th percentile of the time to the picture, over a run."""
    figure, (jobs, backlog, instances, seconds) = plt.subplots(4, 1, figsize=(7, 7), sharex=True)
    until = float(outcomes[0].run.minutes[-1])
    edges = np.linspace(0, until, picture_bins + 1)
    middles = (edges[:-1] + edges[1:]) / 2 / unit
    came = np.histogram(outcomes[0].run.arrived, edges)[0] / (edges[1] - edges[0])
    jobs.plot(middles, came, color="#444444", drawstyle="steps-mid")
    for outcome, colour, style in zip(outcomes, COLOURS, STYLES, strict=False):
        run = outcome.run
        line = {"color": colour, "linestyle": style}
        minutes = run.minutes / unit
        every = max(1, len(minutes) // 400)
        backlog.plot(minutes[::every], run.backlog[::every], **line)
        instances.step(minutes[::every], run.running[::every], label=outcome.name + " instances", **line)
        seconds.plot(middles, _p95(run, outcome, edges), marker=".", **line)
    for axis, title in (
        (jobs, "jobs a second"),
        (backlog, "backlog, jobs"),
        (instances, "instances that run"),
        (seconds, "p95 to picture, s"),
    ):
        axis.set_title(title, loc="left", fontsize=9)
        axis.set_ylim(bottom=0)
    figure.legend(*instances.get_legend_handles_labels(), loc="outside upper right", ncols=2)
    seconds.set_xlabel(label)
    _save(figure, path)


def _p95(run: Run, outcome: Outcome, edges: Any) -> list[float]:
    """Of the jobs that came in each bin and ended."""
    seconds = outcome.seconds
    ended = np.isfinite(seconds)
    arrived, seconds = run.arrived[ended], seconds[ended]
    which = np.digitize(arrived, edges) - 1
    return [
        float(np.percentile(seconds[which == bin_], 95)) if np.any(which == bin_) else np.nan
        for bin_ in range(len(edges) - 1)
    ]


def scaling_in(path: Path, outcomes: list[Outcome], busy: float) -> None:
    """Instances over time for each way of letting them go, and how many are needed."""
    figure, axis = plt.subplots(figsize=(7, 3))
    for outcome, colour, style in zip(outcomes, COLOURS, STYLES, strict=False):
        minutes = outcome.run.minutes / HOUR
        axis.step(minutes, outcome.run.running, color=colour, linestyle=style, label=outcome.name.partition(" (")[0])
    axis.axhline(busy, color="#888888", linewidth=0.8, label="kept busy by the jobs")
    axis.set_ylim(bottom=0)
    axis.set_xlabel("hours")
    axis.set_title("instances that run", loc="left", fontsize=9)
    figure.legend(*axis.get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=8)
    _save(figure, path)


def one_account(path: Path, found: dict[float, list[tuple[float, float, float, float]]]) -> None:
    """What a rate of submits on one account's item does to them."""
    figure, (refused, slow) = plt.subplots(1, 2, figsize=(7, 3))
    for (held, rows), colour, style in zip(found.items(), COLOURS, STYLES, strict=False):
        rates = [row[0] for row in rows]
        line = {"color": colour, "linestyle": style, "marker": ".", "label": f"held for {held * 1000:.0f} ms"}
        refused.plot(rates, [100 * row[1] for row in rows], **line)
        slow.plot(rates, [row[3] for row in rows], **line)
    refused.set_title("refused after eight tries, %", loc="left", fontsize=9)
    slow.set_title("p99 of the transaction, s", loc="left", fontsize=9)
    for axis in (refused, slow):
        axis.set_xlabel("submits a second, one account")
        axis.set_ylim(bottom=0)
    refused.legend(loc="upper left")
    _save(figure, path)


def limits(path: Path, found: dict[str, list[tuple[float, Any]]], quotas: Quotas) -> None:
    """Functions at a time and requests a second that a rate of submits needs, with the default quotas."""
    figure, (functions, requests) = plt.subplots(1, 2, figsize=(7, 3.4))
    for (name, rows), colour, style in zip(found.items(), COLOURS, STYLES, strict=False):
        rates = [row[0] for row in rows]
        line = {"color": colour, "linestyle": style, "label": name}
        functions.loglog(rates, [row[1].concurrency for row in rows], **line)
        requests.loglog(rates, [row[1].requests for row in rows], **line)
    for axis, quota, name in (
        (functions, quotas.lambda_concurrency, "Lambda's default"),
        (requests, quotas.gateway_requests, "API Gateway's default"),
        (requests, quotas.stage_requests, "the stage's, template.yaml"),
    ):
        axis.axhline(quota, color="#888888", linewidth=0.8)
        axis.annotate(name, (1, quota), xytext=(0, 2), textcoords="offset points", fontsize=8)
        axis.set_xlabel("submits a second")
    functions.set_title("functions at a time", loc="left", fontsize=9)
    requests.set_title("requests a second", loc="left", fontsize=9)
    figure.legend(*functions.get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=8)
    _save(figure, path)


def _save(figure: Any, path: Path) -> None:
    figure.savefig(path, metadata={"Date": None, "Creator": None})
    plt.close(figure)
    # matplotlib ends lines of paths with blanks.
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join(line.rstrip() for line in lines) + "\n", encoding="utf-8")
