"""The commands `datagen.sh export rerun` and `datagen.sh view`: demonstrations for rerun's viewer."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

from mimicgen.datagen.cli.formats.choosing import PROJECT
from mimicgen.datagen.config.values import argument_path
from mimicgen.datagen.dataset.files import check_regular
from mimicgen.datagen.dataset.locks import reserved
from mimicgen.datagen.dataset.replacing import new_file
from mimicgen.datagen.errors import ConfigError, SourceError
from mimicgen.datagen.text import as_json, counted, shown
from mimicgen.datagen.viewing.exporting import Shown, shown_of, write
from mimicgen.datagen.viewing.viewer import check_display, serve, show

SUFFIX = ".rrd"


def export(options: argparse.Namespace) -> int:
    """Write a file for rerun's viewer: robots, objects, cameras, actions, subtasks, a recording a demonstration."""
    what, output = _written(options, options.output)
    if options.json:
        told = {"output": output, "bytes": output.stat().st_size, "task": what.task, "demonstrations": what.names}
        print(as_json(told))
    else:
        _tell(what, output)
    return 0


def view(options: argparse.Namespace) -> int:
    """Show demonstrations in rerun's viewer: in a window, or with --web in a browser of this machine."""
    if options.output is not None:
        if options.web or options.dataset.suffix == SUFFIX:
            raise ConfigError("--output only writes a file, of a dataset; leave it out to see one")
        _tell(*_written(options, options.output))
        return 0
    if not options.web:
        check_display()
    if options.dataset.suffix == SUFFIX:
        return _show(options.dataset.expanduser().absolute(), "what it holds", web=options.web)
    with tempfile.TemporaryDirectory(prefix="mimicgen.datagen-") as folder:
        what, path = _written(options, Path(folder) / f"{options.dataset.stem}{SUFFIX}")
        return _show(path, counted(len(what.names), "demonstration"), web=options.web)


def _show(path: Path, count: str, *, web: bool) -> int:
    check_regular(path)
    if web:
        serve(path, lambda page: print(f"{count} at {page} (Ctrl-C ends)", flush=True))
    else:
        print(f"showing {count}; closing the window ends", flush=True)
        show(path)
    return 0


def add_options(command: argparse.ArgumentParser) -> None:
    """Add the options of the export."""
    _add_choice(command)
    about = "file to write, .rrd; must not exist"
    command.add_argument("--output", type=argument_path, required=True, metavar="FILE", help=about)


def add_view(commands: Any) -> None:
    """Add the command `view`."""
    help_line = (view.__doc__ or "").partition("\n")[0]
    command = commands.add_parser("view", help=help_line, description=view.__doc__, allow_abbrev=False)
    command.set_defaults(command=view)
    about = "HDF5 file of demonstrations, or a file that 'export rerun' wrote"
    command.add_argument("dataset", type=argument_path, help=about)
    _add_choice(command)
    about = "serve the viewer to a browser of this machine, on 127.0.0.1 alone, instead of opening a window"
    command.add_argument("--web", action="store_true", help=about)
    about = "write a file, .rrd, and show nothing: for a machine that has no display"
    command.add_argument("--output", type=argument_path, metavar="FILE", help=about)


def _add_choice(command: argparse.ArgumentParser) -> None:
    about = "demonstrations: names, numbers and ranges, with commas between them: 0-9,demo_12 (default: all)"
    command.add_argument("--demos", metavar="WHICH", default="", help=about)
    about = "what images were rendered to (default: those beside the dataset, or in output/, or in the dataset)"
    command.add_argument("--images", type=argument_path, metavar="FOLDER", help=about)


def _written(options: argparse.Namespace, output: Path) -> tuple[Shown, Path]:
    """Write what the options say to a new file."""
    dataset, path = (given.expanduser().absolute() for given in (options.dataset, output))
    if path.suffix != SUFFIX:
        raise ConfigError(f"output '{path}': expected a name that ends with {SUFFIX}")
    check_regular(dataset)
    with reserved(path), new_file(path) as scratch:
        wanted = [item.strip() for item in options.demos.split(",") if item.strip()]
        what = shown_of(dataset, _places(dataset, options.images), wanted)
        write(what, scratch)
    return what, path


def _places(dataset: Path, images: Path | None) -> tuple[Path, ...]:
    """Return the folders in which what was rendered is looked for."""
    if images is None:
        return tuple(dict.fromkeys((dataset.parent, dataset.parent / "output", PROJECT / "output")))
    folder = images.expanduser().absolute()
    if not folder.is_dir():
        raise SourceError(f"images '{folder}': there is no such folder; pass the output folder of a rendering")
    return (folder,)


def _tell(what: Shown, output: Path) -> None:
    count = counted(len(what.names), "demonstration")
    size = output.stat().st_size / 1e6
    print(f"wrote {shown(output)}: {count}, {size:.1f} MB; this shows it: datagen.sh view {shown(output)}")
