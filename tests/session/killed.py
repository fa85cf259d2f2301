"""A run that renders what it keeps, made of known attempts, and tells what it has: to be killed.

python -m tests.session.killed FOLDER TARGET FORMAT
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from mimicgen.datagen.config.jobs import Generate
from mimicgen.datagen.progress import Progress
from mimicgen.datagen.session import Session
from tests.session.known import DRAWN, Stripes, config_in, opening

MODALITIES = ("normals", "depth")
STEPS = 40


def fate(number: int) -> tuple[bool, int]:
    return number % 3 != 0, 5 + number % 7


def job(folder: Path, target: int, form: str) -> Generate:
    values = DRAWN | {"render.modalities": MODALITIES, "render.format": form}
    return config_in(folder, num_trials=target, num_envs=3, **values)


async def main(folder: Path, target: int, form: str) -> int:
    session = Session(lambda: asyncio.sleep(0.001), opening(fate, renderer=Stripes(batch=4), steps=STEPS))
    told: set[str] = set()

    def tell(progress: Progress) -> None:
        kept = progress.last_attempt.demo if progress.last_attempt is not None else None
        now = {f"kept {kept}"} if kept is not None else set()
        now |= {f"rendered {progress.last_rendered}"} if progress.last_rendered else set()
        for line in now - told:
            print(line, flush=True)
        told.update(now)

    session.subscribe(tell)
    session.start(job(folder, target, form))
    end = await session.finished()
    print("ended", end.exit_code, end.reason, flush=True)
    return end.exit_code


if __name__ == "__main__":
    sys.exit(asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])))
