"""The figures of a report on paper, drawn with matplotlib: PNG with a text for those who cannot see them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from matplotlib.ticker import MaxNLocator

INK, SOFT, LINE = "#1c2024", "#5b636b", "#b9c1c9"
COLOURS = ("#2f6fb0", "#c26a00", "#3a8f4d", "#a33a8f", "#b03a3a", "#5a55b5")
WIDTH = 6.3
"""Of every figure [in]: the text's."""


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A figure of the document.

    Attributes:
        png: The image.
        caption: Stands below it.
        alternative: Says what is to be seen, for those who cannot see it.
    """

    png: bytes
    caption: str
    alternative: str


def architecture() -> Picture:
    """Return the layers of the software, and who calls whom."""
    figure, axes = _blank(3.4)
    boxes = {
        "kit": (0.3, 2.5, 9.4, 0.75, "Kit: application, frame, event loop (it owns all three)", COLOURS[0]),
        "ui": (0.3, 1.55, 2.1, 0.7, "panel, console\n(omni.ui)", COLOURS[1]),
        "session": (2.75, 1.55, 4.1, 0.7, "session: one coroutine,\none environment step a frame", COLOURS[2]),
        "records": (7.2, 1.55, 2.5, 0.7, "records, dataset,\nreport (threads)", COLOURS[3]),
        "mimic": (2.75, 0.6, 1.95, 0.7, "attempts: Isaac\nLab Mimic", COLOURS[4]),
        "physics": (4.9, 0.6, 1.95, 0.7, "environment:\nIsaac Lab, Newton", COLOURS[4]),
        "render": (7.2, 0.6, 2.5, 0.7, "rendering of what\nwas kept, from states", COLOURS[3]),
    }
    for x, y, width, height, text, colour in boxes.values():
        _box(axes, x, y, width, height, text, colour)
    for start, end in (
        ((4.8, 2.5), (4.8, 2.25)),
        ((1.35, 2.5), (1.35, 2.25)),
        ((2.4, 1.9), (2.75, 1.9)),
        ((6.85, 1.9), (7.2, 1.9)),
        ((3.7, 1.55), (3.7, 1.3)),
        ((5.85, 1.55), (5.85, 1.3)),
        ((8.45, 1.55), (8.45, 1.3)),
    ):
        _arrow(axes, start, end)
    axes.set(xlim=(0, 10), ylim=(0.4, 3.4))
    return _picture(
        figure,
        "Layers: every arrow is a call; nothing calls upwards, and only Kit turns the loop.",
        "Kit at the top calls the panel and the session. The session calls the attempts of Isaac Lab Mimic, the "
        "environment, and the records, which lead to rendering.",
    )


def frame_order() -> Picture:
    """Return what happens in one frame, in order."""
    figure, axes = _blank(1.7)
    parts = (
        "ended attempts\nkept or dropped",
        "resets\nand plans",
        "waypoints\nto actions",
        "env.step",
        "success\nand signals",
    )
    width = 1.5
    _box(axes, 0.2, 0.2, 9.6, 1.5, "", SOFT)
    axes.text(0.35, 1.47, "one update of Kit: its async engine resumes the session once", color=SOFT, fontsize=8)
    for index, text in enumerate(parts):
        x = 0.45 + index * 1.87
        _box(axes, x, 0.45, width, 0.8, text, COLOURS[index], size=7.5)
        if index:
            _arrow(axes, (x - 0.35, 0.85), (x, 0.85))
    axes.set(xlim=(0, 10), ylim=(0.1, 1.8))
    return _picture(
        figure,
        "The order of one frame. After it, everything else in the application has its turn.",
        "Five steps in a row inside one update of Kit: ended attempts are kept or dropped, resets and plans, waypoints "
        "become actions, the environment is stepped once, success and signals are read.",
    )


def funnel(reached: Sequence[Sequence[Any]], attempts: int) -> Picture:
    """Return how many attempts reached each subtask.

    Args:
        reached: Name and count, in order.
        attempts: All of them.
    """
    figure = Figure((WIDTH, 0.5 + 0.42 * len(reached)), layout="constrained")
    axes = figure.subplots()
    names, counts = [str(name) for name, _ in reached], [int(count) for _, count in reached]
    axes.barh(range(len(names)), [attempts] * len(names), color="#e6eaee")
    axes.barh(range(len(names)), counts, color=[COLOURS[index % len(COLOURS)] for index in range(len(names))])
    for index, count in enumerate(counts):
        axes.text(attempts * 1.01, index, f"{count} ({count / max(attempts, 1):.0%})", va="center", fontsize=8)
    axes.set_yticks(range(len(names)), [_short(name) for name in names])
    axes.invert_yaxis()
    axes.set(xlim=(0, attempts * 1.16), xlabel="attempts")
    _plain(axes)
    told = ", ".join(f"{_short(name)} {count}" for name, count in zip(names, counts, strict=True))
    return _picture(figure, "Attempts that reached each subtask.", f"Bars of {attempts} attempts: {told}.")


def success_rate(outcomes: Sequence[bool]) -> Picture:
    """Return the success rate over the attempts that were decided, so far and of the last twenty."""
    figure = Figure((WIDTH, 2.3), layout="constrained")
    axes = figure.subplots()
    numbers = range(1, len(outcomes) + 1)
    so_far = [100 * sum(outcomes[:number]) / number for number in numbers]
    lately = [100 * sum(outcomes[max(0, number - 20) : number]) / min(number, 20) for number in numbers]
    axes.plot(numbers, lately, color=COLOURS[1], linewidth=1, label="of the last 20")
    axes.plot(numbers, so_far, color=COLOURS[0], linewidth=1.6, label="so far")
    axes.set(ylim=(0, 105), xlabel="attempt", ylabel="success [%]")
    axes.legend(frameon=False, fontsize=8, loc="lower right")
    _plain(axes)
    return _picture(
        figure,
        "Success rate over the attempts.",
        f"The rate ends at {so_far[-1]:.0f} percent after {len(outcomes)} attempts.",
    )


def lengths(steps: Sequence[int]) -> Picture:
    """Return how long demonstrations are."""
    figure = Figure((WIDTH, 2.1), layout="constrained")
    axes = figure.subplots()
    axes.hist(steps, bins=min(24, max(5, len(steps) // 3)), color=COLOURS[0], rwidth=0.92)
    axes.set(xlabel="steps", ylabel="demonstrations")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    _plain(axes)
    return _picture(figure, "Length of the demonstrations.", f"A histogram from {min(steps)} to {max(steps)} steps.")


def starts(objects: Sequence[str], places: Sequence[Sequence[Sequence[float]]]) -> Picture:
    """Return where objects start, seen from above.

    Args:
        objects: Their names.
        places: Of every demonstration, x and y of every object [m].
    """
    figure = Figure((WIDTH, 3.2), layout="constrained")
    axes = figure.subplots()
    for index, name in enumerate(objects):
        xs, ys = [demo[index][0] for demo in places], [demo[index][1] for demo in places]
        axes.scatter(xs, ys, s=14, alpha=0.75, color=COLOURS[index % len(COLOURS)], label=_short(name))
    axes.set(xlabel="x [m]", ylabel="y [m]", aspect="equal", adjustable="datalim")
    axes.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    _plain(axes)
    return _picture(
        figure,
        "Where objects start, seen from above.",
        f"Starting places of {len(objects)} objects in {len(places)} demonstrations, as points on the table.",
    )


def _blank(height: float) -> tuple[Figure, Axes]:
    figure = Figure((WIDTH, height), layout="constrained")
    axes = figure.subplots()
    axes.axis("off")
    return figure, axes


def _box(
    axes: Axes, x: float, y: float, width: float, height: float, text: str, colour: str, size: float = 8.5
) -> None:
    style = "round,pad=0,rounding_size=0.08"
    axes.add_patch(FancyBboxPatch((x, y), width, height, boxstyle=style, facecolor=f"{colour}18", edgecolor=colour))
    axes.text(x + width / 2, y + height / 2, text, ha="center", va="center", fontsize=size, color=INK)


def _arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    axes.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": SOFT, "linewidth": 1})


def _plain(axes: Axes) -> None:
    axes.tick_params(labelsize=8, colors=SOFT)
    axes.xaxis.label.set(size=8.5, color=SOFT)
    axes.yaxis.label.set(size=8.5, color=SOFT)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(LINE)


def _short(name: str) -> str:
    """Return a name that fits beside an axis, and is text to matplotlib whatever is in it."""
    shown = "".join(letter if letter.isprintable() else "?" for letter in name)
    return (shown if len(shown) <= 24 else shown[:23] + "…").replace("$", r"\$")


def _picture(figure: Figure, caption: str, alternative: str) -> Picture:
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=200)
    return Picture(png=png.getvalue(), caption=caption, alternative=alternative)
