"""One dataset from the shards of a run: the one that a single process would have made.

Attempts are counted in the order of their numbers by the very rule of a run, up to the one that ends it; what a shard
has beyond that is not taken. Demonstrations are copied as they are stored, one after the other, into a new file that
replaces an older one when it is on the disk.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

import h5py
from h5py import h5l, h5o

from mimicgen.datagen.attempts import FINAL, Attempt, Counts, Outcome
from mimicgen.datagen.cluster.pictures import Taken
from mimicgen.datagen.cluster.results import Made
from mimicgen.datagen.cluster.shards import Shard
from mimicgen.datagen.config.jobs import Generate
from mimicgen.datagen.dataset.files import demo_names, open_source
from mimicgen.datagen.dataset.folders import explained
from mimicgen.datagen.dataset.formats.language import LANGUAGE
from mimicgen.datagen.dataset.ours import is_ours
from mimicgen.datagen.dataset.outputs.outputs import Outputs
from mimicgen.datagen.dataset.outputs.parts import FORMAT_VERSION
from mimicgen.datagen.dataset.replacing import new_file
from mimicgen.datagen.dataset.tools.copying import steps_of, written
from mimicgen.datagen.errors import OutputError
from mimicgen.datagen.progress import End
from mimicgen.datagen.rendering.rendering import Rendered
from mimicgen.datagen.session.committing import Committer
from mimicgen.datagen.session.record import Tally

_OF_A_RUN = {"end", "config", "counts", "coverage", "timings", "rendering"}
"""What a record says of its run, and not of what the run was made with."""


@dataclass
class Merged:
    """What came of merging.

    Attributes:
        end: Why the run is over, or why it is not.
        tally: Of the attempts that count.
        last: Number of the last attempt that counts.
        facts: What the run record says of how they were made.
        taken: The demonstrations that are in the dataset, in order.
        rendered: Their images, where all of them are there; None where some are to be drawn, or none.
    """

    end: End
    tally: Tally
    last: int
    facts: dict[str, Any] = field(default_factory=dict)
    taken: list[Taken] = field(default_factory=list)
    rendered: Rendered | None = None

    @property
    def counts(self) -> Counts:
        """How many there are of them."""
        return self.tally.counts


def merge_shards(
    config: Generate,
    outputs: Outputs,
    shards: Mapping[Shard, Made],
    *,
    without: Collection[Shard] = (),
) -> Merged:
    """Write a run's dataset, and the log of its attempts, from its shards.

    Args:
        config: The run.
        outputs: Its outputs, open.
        shards: Its shards that are whole; those behind a gap are not taken.
        without: Shards that are left out, because they could not be made.

    Raises:
        OutputError: A shard is damaged, or the dataset cannot be written.
    """
    taken = list(in_order(shards, without))
    attempts = (attempt for made in taken for attempt in made.attempts())
    stages: Sequence[str] | None = None
    committer: Committer | None = None
    kept: dict[Outcome, int] = {Outcome.SUCCESS: 0, Outcome.FAILURE: 0}
    last = 0
    facts = {key: value for key, value in taken[0].record.items() if key not in _OF_A_RUN} if taken else {}
    tally = Tally()
    with new_file(outputs.attempts, replace=is_ours) as scratch, scratch.open("w", encoding="utf-8") as log:
        for attempt in attempts:
            if committer is None:
                stages = (*attempt.signals, FINAL)
                committer = Committer(config, stages, skipped=numbers_of(without))
                tally = Tally(stages, facts)
            committer.add(attempt)
            for one in committer.commit():
                _log(log, one, kept)
                tally.add(one)
                last = one.number
            if committer.end is not None:
                break
        merged = Merged(_end_of(config, committer, tally.counts, last, shards), tally, last, facts)
        merged.facts["shards"] = {
            "count": len(taken),
            "worker_seconds": round(sum(one.record.get("timings", {}).get("elapsed") or 0.0 for one in taken), 1),
            "left_out": [[shard.first, shard.last] for shard in sorted(without)],
        }
        # The dataset first: a demonstration is never told of before it is there.
        merged.taken = _copy(config, outputs.dataset, [(made, made.dataset) for made in taken], merged)
        if config.keep_failed:
            failed = [(made, made.failed_dataset) for made in taken]
            _copy(config, outputs.failed_dataset, failed, merged)
    return merged


def in_order(shards: Mapping[Shard, Made], without: Collection[Shard] = ()) -> Iterator[Made]:
    """Yield the shards that follow one another from the first attempt on, up to the first one that is missing.

    Raises:
        OutputError: Two overlap: the run was cut in different ways.
    """
    number = 1
    for shard in sorted({*shards, *without}):
        if shard.first < number:
            raise OutputError(
                f"the shards in '{next(iter(shards.values())).folder.parent}' are cut in different ways: {shard} "
                "overlap with those before; move away those of one way"
            )
        if shard.first > number:
            return
        number = shard.last + 1
        if shard not in without:
            yield shards[shard]


def numbers_of(shards: Collection[Shard]) -> frozenset[int]:
    """Return the numbers of the attempts in shards."""
    return frozenset(number for shard in shards for number in range(shard.first, shard.last + 1))


def _end_of(
    config: Generate, committer: Committer | None, done: Counts, last: int, shards: Mapping[Shard, Made]
) -> End:
    """Return the end of a run; where its shards do not suffice, one that says what is missing."""
    if committer is not None and committer.end is not None:
        return committer.end
    count, what = (done.successes, "demonstrations") if config.guarantee else (done.attempts, "attempts")
    behind = sum(shard.first > last for shard in shards)
    gap = f", and {behind} shards wait behind a gap" if behind else ""
    reason = (
        f"{count} of {config.num_trials} {what} in the shards up to attempt {last}{gap}; attempt {last + 1} and those "
        "after it are missing: make their shards, and merge again"
    )
    return End(reason=reason, exit_code=3)


def _log(log: TextIO, attempt: Attempt, kept: dict[Outcome, int]) -> None:
    """Write the line of an attempt; a success has the next demonstration's name."""
    told = json.loads(attempt.to_json())
    if attempt.outcome is Outcome.SUCCESS:
        told["demo"] = f"demo_{kept[Outcome.SUCCESS]}"
    kept[attempt.outcome] += 1
    log.write(json.dumps(told) + "\n")


def _copy(config: Generate, target: Path, sources: Sequence[tuple[Made, Path]], merged: Merged) -> list[Taken]:
    """Write a dataset of the demonstrations whose attempts count, named anew in the order of their numbers."""
    found: list[Taken] = []
    sources = [(made, path) for made, path in sources if made.shard.first <= merged.last and path.exists()]
    if not sources:
        return found
    values = {key: v.name if isinstance(v, Path) else v for key, v in config.flat().items()}
    counts = {"attempts": merged.counts.attempts, "successes": merged.counts.successes}
    provenance = {"config": values, **merged.facts, "counts": counts}
    count = total = 0
    with explained(target), new_file(target, replace=h5py.is_hdf5) as scratch, written(scratch) as file:
        data = file.create_group("data")
        for made, path in sources:
            with _blamed(made), open_source(path, demos=()) as source:
                if not count:
                    file.attrs["format_version"] = FORMAT_VERSION
                    data.attrs["env_args"] = source["data"].attrs["env_args"]
                names: list[str] = []
                for name in demo_names(source):
                    demo = source["data"][name]
                    if int(demo.attrs["attempt"]) > merged.last:
                        break
                    _refuse_links(made, demo)
                    new = f"demo_{count}"
                    h5o.copy(source["data"].id, name.encode(), data.id, new.encode())
                    if "record" in demo.attrs:
                        record = json.loads(demo.attrs["record"])
                        data[new].attrs["record"] = json.dumps(record | {"demo": new})
                    total += steps_of(demo)
                    count += 1
                    names.append(name)
                found.append(Taken(made, tuple(names), count - len(names)))
        data.attrs["total"] = total
        file.attrs["provenance"] = json.dumps(provenance)
        if LANGUAGE in provenance:
            data.attrs[LANGUAGE] = json.dumps(provenance[LANGUAGE])
    return found


def _refuse_links(made: Made, demo: h5py.Group) -> None:
    """Check that all that a demonstration has is in it: a look at the whole file would take longer than copying it.

    Raises:
        OutputError: Something leads elsewhere.
    """

    def leads_elsewhere(name: bytes, link: Any) -> str | None:
        return None if link.type == h5l.TYPE_HARD else name.decode("utf-8", "replace")

    found = demo.id.links.visit(leads_elsewhere, info=True)
    if found is not None:
        raise OutputError(
            f"shard '{made.folder}': {demo.name}/{found} is not in the shard, but leads elsewhere; move the "
            "folder away, and make the shard again"
        )


@contextlib.contextmanager
def _blamed(made: Made) -> Iterator[None]:
    """Say which shard cannot be read.

    Raises:
        OutputError: It is damaged.
    """
    try:
        yield
    except (KeyError, ValueError, TypeError) as error:
        raise OutputError(
            f"shard '{made.folder}' is damaged ({type(error).__name__}: {error}); move it away, and make it again"
        ) from error
