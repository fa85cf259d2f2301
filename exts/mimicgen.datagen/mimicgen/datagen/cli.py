"""The one command line: `datagen.sh COMMAND`. Checks what the user passed before anything heavy is imported."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from mimicgen.datagen import config
from mimicgen.datagen.config import Flat, RunConfig
from mimicgen.datagen.dataset.outputs import Outputs, writable_folder
from mimicgen.datagen.dataset.sources import check_file
from mimicgen.datagen.errors import DatagenError, SourceError
from mimicgen.datagen.version import __version__

PROJECT = Path(__file__).resolve().parents[4]
"""The project's folder: defaults are relative to it, what the user passes to the current folder."""

DEFAULT_SOURCES = (
    PROJECT / "datasets" / "source_demos.hdf5",
    PROJECT.parent / "shared" / "data" / "annotated_dataset.hdf5",
)
"""Source demonstrations that are used when none are passed, first come first."""

OPTIONS = ("task", "source", "output_dataset", "output_dir", "num_trials", "num_envs", "seed", "device")
"""Configuration keys with an option of their own; `--set` reaches all."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 0 done, 1 failed, 2 bad input, 3 target not reached, 130 interrupted."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        return int(options.command(options))
    except DatagenError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130


def run_config(options: argparse.Namespace) -> RunConfig:
    """Return the configuration of a run from defaults, file, environment and options, in this order.

    Raises:
        ConfigError: Something is unknown, has the wrong type or is out of range.
    """
    project: Flat = {
        "output_dataset": PROJECT / "datasets" / "generated_dataset.hdf5",
        "output_dir": PROJECT / "output",
    }
    source = next((path for path in DEFAULT_SOURCES if path.is_file()), None)
    if source:
        project["source"] = source
    from_file = config.read_toml(options.config) if options.config else {}
    from_options = {key: getattr(options, key) for key in OPTIONS if getattr(options, key) is not None}
    if options.fresh:
        from_options["fresh"] = True
    assignments = config.from_assignments(options.set)
    return config.build(project, from_file, config.from_environment(os.environ), assignments, from_options)


def generate(options: argparse.Namespace) -> int:
    """Generate demonstrations, or list the tasks that can be generated for."""
    if options.list_tasks:
        from mimicgen.datagen.simulation.tasks import list_tasks

        return list_tasks()
    run = run_config(options)
    if run.source is None:
        raise SourceError("no source demonstrations; pass --source with an annotated HDF5 file")
    check_file(run.source.absolute())
    Outputs(run).check()
    folder = writable_folder(run.output_dir.absolute())
    from mimicgen.datagen.launch import run_kit
    from mimicgen.datagen.simulation.runtime import cache_folder

    log = folder / "kit.log"
    print(f"mimicgen.datagen {__version__}; Kit's and Isaac Lab's output goes to {log}", flush=True)
    settings = {key: value for key, value in run.flat().items() if value is not None}
    for key in ("source", "output_dataset", "output_dir"):
        settings[key] = Path(settings[key]).expanduser().absolute()
    app = PROJECT / "config" / "mimicgen.datagen.headless.kit"
    return run_kit(app, log, {"autostart": True, **settings}, cache=cache_folder())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="datagen.sh", description=main.__doc__, allow_abbrev=False)
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    command = commands.add_parser("generate", help=(generate.__doc__ or "").partition("\n")[0], allow_abbrev=False)
    command.set_defaults(command=generate)
    command.add_argument("--config", type=Path, metavar="FILE", help="TOML file with the configuration")
    fields = config.fields()
    for key in OPTIONS:
        metadata = fields[key].metadata
        command.add_argument(f"--{key.replace('_', '-')}", metavar="VALUE", dest=key, help=metadata["doc"])
    command.add_argument("--fresh", action="store_true", help=fields["fresh"].metadata["doc"])
    command.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="any key of the configuration; repeatable"
    )
    command.add_argument("--list-tasks", action="store_true", help="show the Mimic tasks that can run here, and exit")
    return parser


if __name__ == "__main__":
    sys.exit(main())
