"""The commands that evaluate policies, and compare evaluations."""

from __future__ import annotations

import argparse
from pathlib import Path

from mimicgen.datagen.cli.runs import PROJECT, add_run_command, job_of, run_job
from mimicgen.datagen.config.evaluating import Evaluate
from mimicgen.datagen.config.keys import keys
from mimicgen.datagen.config.policies import REPLAY, absolute, own_values
from mimicgen.datagen.config.values import argument_path, quoted
from mimicgen.datagen.dataset.files import read_through
from mimicgen.datagen.dataset.locks import reserved
from mimicgen.datagen.dataset.ours import is_ours
from mimicgen.datagen.dataset.sources.guard import guarded
from mimicgen.datagen.dataset.sources.raw import check_demos
from mimicgen.datagen.errors import ConfigError
from mimicgen.datagen.text import counted, shown


def evaluate(options: argparse.Namespace) -> int:
    """Let a learned policy act in a task, and count how often it succeeds."""
    if options.policy is not None:
        options.policy = absolute(options.policy)
    job = job_of(options, Evaluate, {"render.when": "never"})
    own = own_values(job.policy, record_failures=job.record_failures)
    own["output_dir"] = PROJECT / own["output_dir"]
    if job.policy.startswith(REPLAY):
        path = Path(job.policy.removeprefix(REPLAY))
        guarded(read_through, (path,))
        own["num_trials"] = min(job.num_trials, len(check_demos(path, job.task).names))
    return run_job(job_of(options, Evaluate, own))


def evaluations(options: argparse.Namespace) -> int:
    """Write a page that compares evaluations: success with its interval, how far episodes came, what was varied."""
    from mimicgen.datagen.report import evaluations as pages
    from mimicgen.datagen.report import page

    path: Path = (options.output or Path("evaluations.html")).expanduser().absolute()
    if path.suffix != ".html":
        raise ConfigError(f"output {quoted(path)}: expected a name that ends with .html")
    with reserved(path, replace=is_ours):
        read = [pages.read(folder.expanduser().absolute()) for folder in options.folders]
        page.write(path, pages.compared(read))
    for line in pages.lines(read):
        print(line)
    print(f"wrote {shown(path)}: {counted(len(read), 'evaluation')}")
    return 0


def add_evaluating(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add both commands."""
    command = add_run_command(commands, "evaluate", evaluate)
    for key in ("policy", "policy_device", "max_steps", "hold_steps"):
        command.add_argument(f"--{key.replace('_', '-')}", metavar="VALUE", dest=key, help=keys()[key].doc)
    command.add_argument("--record-failures", action="store_true", help=keys()["record_failures"].doc)
    about = (evaluations.__doc__ or "").partition("\n")[0]
    command = commands.add_parser("evaluations", help=about, description=evaluations.__doc__, allow_abbrev=False)
    command.set_defaults(command=evaluations)
    command.add_argument("folders", type=argument_path, nargs="+", metavar="FOLDER", help="output folder of a run")
    about = "page to write (default: evaluations.html)"
    command.add_argument("--output", type=argument_path, metavar="FILE", help=about)
