"""The report of a run on paper: a Word document about what was generated, and how."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

from mimicgen.datagen.attempts import wilson
from mimicgen.datagen.dataset.folders import explained
from mimicgen.datagen.dataset.ours import is_ours
from mimicgen.datagen.dataset.replacing import new_file
from mimicgen.datagen.report import figures
from mimicgen.datagen.report.word import WordDocument
from mimicgen.datagen.text import counted
from mimicgen.datagen.version import __version__

ROWS = 60
"""Demonstrations in the table at the end, the first ones."""

COMMANDS = (
    ("./scripts/generate.sh --num-trials 100 --num-envs 16", "generates until 100 demonstrations are kept"),
    ("./scripts/gui.sh", "opens the panel in a window"),
    ("./scripts/datagen.sh check --source FILE", "says whether demonstrations will serve as sources"),
    ("./scripts/datagen.sh render FILE", "renders a dataset again, with other cameras or sizes"),
    ("./scripts/datagen.sh dataset validate FILE", "says whether a dataset is whole, possible and successful"),
    ("./scripts/datagen.sh report FILE", "makes the page for the browser; with --format docx this document"),
    ("./scripts/datagen.sh selftest", "tries everything that a run needs"),
)

FILES = (
    ("datasets/generated_dataset.hdf5", "kept demonstrations, in Isaac Lab's layout"),
    ("output/attempts.jsonl", "a line an attempt: source segments, how far it came, why it failed"),
    ("output/run.json", "configuration, versions, seeds, counts, timings, why the run ended"),
    ("output/report.html", "the run in the browser, with a replay in 3D"),
    ("output/<camera>_<modality>/", "rendered images of every kept demonstration"),
    ("output/kit.log", "what Kit and Isaac Lab print"),
)

TROUBLES = (
    (
        "RuntimeError: This event loop is already running",
        "Something calls run_until_complete in Kit or in a notebook. In Kit use session().start(config), in a notebook "
        "mimicgen.datagen.cli.client.start(...).",
    ),
    (
        "output '...' was made with another configuration",
        "The same configuration continues an earlier run; --fresh moves its outputs aside.",
    ),
    (
        "source '...': none of N demonstrations is usable",
        "The file is not annotated, damaged or of another task; 'datagen.sh check' lists every finding.",
    ),
    ("device = 'cuda': no CUDA device is available", "There is no GPU, or no driver in the container: --device cpu."),
    ("output '...': No space left on device", "Make room and give the same command; what was reported is there."),
)


def write(path: Path, data: dict[str, Any]) -> None:
    """Write the document, whole or not at all.

    Args:
        path: Where to; a document of this project that is there is replaced.
        data: See `mimicgen.datagen.report.collect.collect`.

    Raises:
        OutputError: The document cannot be written.
    """
    document = compose(data)
    with explained(path), new_file(path, replace=is_ours) as scratch:
        scratch.write_bytes(document.content())


def compose(data: dict[str, Any]) -> WordDocument:
    """Return the document.

    Args:
        data: See `mimicgen.datagen.report.collect.collect`.
    """
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    document = WordDocument(f"Generated demonstrations: {data['dataset']}", f"mimicgen.datagen {__version__}, {today}")
    _overview(document, data)
    _architecture(document)
    _environment(document, data)
    _pipeline(document, data)
    _problem(document)
    _guide(document)
    _results(document, data)
    document.heading("Troubleshooting")
    document.prose("docs/troubleshooting.md has all messages; these come most often.")
    document.table("Messages and what to do.", ("Message", "What to do"), TROUBLES, (6.5, 9.5))
    _appendices(document, data)
    return document


def _overview(document: WordDocument, data: dict[str, Any]) -> None:
    document.heading("Overview")
    run = data["run"] or {}
    task = data["task"] or "a task that the file does not name"
    document.prose(
        f"The dataset {data['dataset']} holds {counted(data['count'], 'demonstration')} of {task}, with steps of "
        f"{data['step_seconds']} s. This document is about how they came to be, and what they are like."
    )
    if data["language"]["subtasks"]:
        document.prose(f"What is to be done, in the words that a policy is told: {data['language']['instruction']}")
    document.table("The run at a glance.", ("What", "Value"), _glance(data, run), (5, 11))


def _glance(data: dict[str, Any], run: dict[str, Any]) -> list[tuple[str, object]]:
    rows: list[tuple[str, object]] = [("Demonstrations", data["count"])]
    if data["funnel"]:
        kept, attempts = _kept(data), data["funnel"]["attempts"]
        low, high = wilson(kept, attempts)
        rate = f"{kept / max(attempts, 1):.1%}, 95% interval {low:.1%} to {high:.1%}"
        rows += [("Attempts", attempts), ("Success rate", rate)]
    elapsed = run.get("timings", {}).get("elapsed")
    if elapsed:
        counts = run.get("counts", {})
        before = counts.get("before", {"attempts": 0, "successes": 0})
        if before["attempts"]:
            rows.append(("Kept by earlier sessions", f"{before['successes']} of {before['attempts']} attempts"))
        rows.append(("Time of the last session" if before["attempts"] else "Time", f"{elapsed:.0f} s"))
        kept = counts.get("successes", 0) - before["successes"]
        if kept:
            rows.append(("Kept an hour", f"{3600 * kept / elapsed:.0f}"))
    if run.get("end"):
        rows.append(("End", run["end"]["reason"]))
    config = run.get("config", {})
    rows += [(label, config[key]) for label, key in (("Environments", "num_envs"), ("Seed", "seed")) if key in config]
    return rows


def _architecture(document: WordDocument) -> None:
    document.heading("Architecture")
    document.prose(
        "mimicgen.datagen is an Omniverse Kit extension. Kit owns the application, its frame and the event loop of its "
        "thread. A run is one coroutine on that loop: it takes one step of all environments, and then waits for the "
        "next frame. Isaac Lab Mimic decides what is attempted, Isaac Lab and Newton simulate it, and what was kept "
        "is rendered from its recorded states."
    )
    document.picture(figures.architecture())
    document.points(
        (
            "The core (session, records, dataset tools, report) imports neither Kit nor Isaac Lab.",
            "Only the panel and the extension's entry points import Kit.",
            "Files are written in threads or processes, so no frame waits for a disk.",
        )
    )


def _environment(document: WordDocument, data: dict[str, Any]) -> None:
    document.heading("Environment")
    run = data["run"]
    if run is None:
        document.prose("There are no records of a run beside this dataset, so nothing is known of where it was made.")
        return
    rows = [("Runtime", run.get("runtime", "not recorded")), ("Physics", run.get("physics", "not recorded"))]
    rows += sorted(run.get("versions", {}).items())
    document.table("What the run ran on.", ("Part", "Version or kind"), rows, (6, 10))


def _pipeline(document: WordDocument, data: dict[str, Any]) -> None:
    document.heading("Pipeline")
    document.points(
        (
            "Source demonstrations are checked, and split into subtasks at the signals that they were annotated with.",
            "An attempt chooses a source segment for every subtask, carries it over to where the object is now, and "
            "follows it with a little noise.",
            "It is kept if the success term holds at its end and still after the settling steps. An attempt whose "
            "subtask is over without its signal ends early.",
            "A kept demonstration is on the disk before it is reported, and rendered from its states.",
            "At the end the demonstrations are folded into one dataset.",
        )
    )
    config = (data["run"] or {}).get("config", {})
    rows = [(key, config[key]) for key in sorted(config) if key.startswith("mimic.") and config[key] is not None]
    if rows:
        document.table("Mimic's settings of this run.", ("Setting", "Value"), rows, (9.5, 6.5))


def _problem(document: WordDocument) -> None:
    document.heading("Problem and solution")
    document.heading("Two loops that wait for each other", 2)
    document.prose(
        "Isaac Lab Mimic's own loop calls run_until_complete again and again. In a Kit application, or in a notebook, "
        "a loop is running in that thread already. The call then either raises an error, or blocks the very loop whose "
        "tasks it waits for: the output ends at the first trial, without a message."
    )
    document.heading("One loop, and it is Kit's", 2)
    document.prose(
        "Here nothing runs, creates or blocks a loop, and nothing updates the application. Kit's async engine resumes "
        "the session once a frame; the figure has the order of what follows."
    )
    document.picture(figures.frame_order())


def _guide(document: WordDocument) -> None:
    document.heading("Execution guide")
    document.prose(
        "On Linux with Python 3.12; neither a GPU nor Isaac Sim is needed. The first command sets everything up:"
    )
    document.code("ACCEPT_EULA=Y ./scripts/generate.sh --num-trials 3")
    document.prose("In a container, with Isaac Sim or without:")
    document.code("cd docker && MODE=standalone NUM_TRIALS=5 docker compose run --rm isaac-lab")
    document.prose(
        "In Isaac Sim 6, add exts/ to the extension search path, enable mimicgen.datagen, and use the panel."
    )


def _results(document: WordDocument, data: dict[str, Any]) -> None:
    document.heading("Results")
    if data["funnel"] and data["funnel"]["attempts"]:
        _attempts(document, data)
    document.heading("What the demonstrations are like", 2)
    demos = data["demos"]
    steps = sorted(demo["steps"] for demo in demos)
    if not steps:
        document.prose("The dataset is empty.")
        return
    document.prose(
        f"Demonstrations have {steps[0]} to {steps[-1]} steps, {steps[len(steps) // 2]} in the middle."
        + (f" Figures and table are of the first {len(demos)}." if data["count"] > len(demos) else "")
    )
    document.picture(figures.lengths(steps))
    objects = demos[0]["objects"]
    places = [demo["starts"] for demo in demos if len(demo["starts"]) == len(objects)]
    if objects and places:
        document.picture(figures.starts(objects, places))
    beside = [1000 * (x**2 + y**2) ** 0.5 for demo in demos for x, y in demo["offsets"]]
    if beside:
        document.prose(
            f"Of {counted(len(beside), 'stacked object')} half are within {sorted(beside)[len(beside) // 2]:.1f} mm of "
            f"the middle of what they stand on, and all within {max(beside):.1f} mm."
        )


def _attempts(document: WordDocument, data: dict[str, Any]) -> None:
    document.heading("Attempts", 2)
    funnel = data["funnel"]
    kept = _kept(data)
    document.prose(f"Of {counted(funnel['attempts'], 'attempt')} {kept} were kept, {kept / funnel['attempts']:.1%}.")
    document.picture(figures.funnel(funnel["reached"], funnel["attempts"]))
    if funnel["lost"]:
        lost = [(stage, count, part) for stage, part, count in funnel["lost"]]
        document.table("What was missing most.", ("Not reached", "Attempts", "What"), lost, (2.5, 2, 11.5))
    outcomes = [attempt["outcome"] == "success" for attempt in data["attempts"] if attempt["outcome"] != "abandoned"]
    if len(outcomes) > 1:
        document.picture(figures.success_rate(outcomes))
    if data["reasons"]:
        rows = [(count, reason) for reason, count in data["reasons"]]
        document.table("Why attempts failed.", ("Attempts", "Reason"), rows, (2.5, 13.5))
    else:
        document.prose("No attempt failed.")
    _coverage(document, data)


def _coverage(document: WordDocument, data: dict[str, Any]) -> None:
    """Say where attempts began and were kept, and what they were made from; nothing where nothing tells."""
    told = data["coverage"]
    if told["objects"]:
        document.heading("Coverage", 2)
        rows = [
            (name, *(own[key] for key in ("parts", "parts_attempted", "parts_kept")))
            for name, own in told["objects"].items()
        ]
        head = ("Object", "Parts", "With attempts", "With kept ones")
        document.table("Parts of the range in which each object may start.", head, rows, (7, 3, 3, 3))
        document.points(
            told["missing"]
            or ["No part, and nothing that follows a source demonstration, is kept notably less often than the rest."]
        )
    if told["sources"]:
        rows = [
            (
                f"{own['eef']}, {own['signal']}",
                f"{own['used']} of {own['of']}",
                f"{own['bits']:.2f}",
                f"{own['share']:.0%}",
            )
            for own in told["sources"]
        ]
        head = ("Subtask until", "Sources used", "Entropy [bits]", "Of the most")
        document.table("How evenly the source demonstrations are used.", head, rows, (7, 3, 3, 3))


def _appendices(document: WordDocument, data: dict[str, Any]) -> None:
    document.heading("Appendix: demonstrations")
    rows = [
        (
            demo["name"],
            demo["steps"],
            _told(demo["attempt"]),
            _told(demo["seed"]),
            ", ".join(dict.fromkeys(segment["demo"] for segment in demo["segments"])) or "-",
        )
        for demo in data["demos"][:ROWS]
    ]
    caption = f"The first {ROWS} demonstrations." if data["count"] > ROWS else "All demonstrations."
    document.table(caption, ("Name", "Steps", "Attempt", "Seed", "Sources"), rows, (3, 1.7, 1.9, 3, 6.4))
    document.heading("Appendix: files")
    document.table("What a run leaves.", ("File", "What"), FILES, (6.5, 9.5))
    document.heading("Appendix: commands")
    document.table("Commands, the first one after ACCEPT_EULA=Y.", ("Command", "What it does"), COMMANDS, (8, 8))


def _kept(data: dict[str, Any]) -> int:
    return sum(attempt["outcome"] == "success" for attempt in data["attempts"])


def _told(value: int | None) -> str:
    return "-" if value is None else str(value)
