"""The field test as in Isaac Sim: its timeline, stage and settings, over the stand-ins that behave like them.

The self-test, which comes first, needs Isaac Lab's task and RTX, and is left out.
"""

from __future__ import annotations

from pathlib import Path

from tests.kit.standins.scenario import facts_of

ASKED = """
import io
from msgspec import structs
from omni.kit.async_engine import run_coroutine
from mimicgen.datagen.cli import fieldtest
from mimicgen.datagen.kit.application import KitApplication, UsdStage
from mimicgen.datagen.kit.loop import open_simulation

async def selftest(*_):
    return 0

class Stage(UsdStage):
    # what stands there for `omni.usd` does not see changes of its stage by itself
    def edit(self):
        super().edit()
        isaac.usd.context().unsaved = True

    async def discard(self):
        isaac.usd.context().unsaved = False
        await super().discard()

# Long attempts: the first is on the disk before the second has ended, as in a simulation.
opening.open_simulation = lifting.opening(lambda number: (True, 40), generators)
fieldtest.selftest = selftest
fieldtest.checked_config = lambda config, folder: structs.replace(
    config, output_dataset=folder / "g.hdf5", output_dir=folder
)
application = KitApplication()
application.stage = Stage()
stream = io.StringIO()
config = host.config("field", render__when="after_each")
kit.update(30)
facts["code"] = kit.run(fieldtest.field_test(config, session, application, open_simulation, stream))
facts["said"] = stream.getvalue().splitlines()
facts["file"] = (Path(config.output_dir) / fieldtest.FILE).read_text()
facts["nested"] = host.nested
facts["stage"] = bool(isaac.usd.context().get_stage())
"""


def test_every_question_is_answered_well(tmp_path: Path) -> None:
    facts = facts_of(ASKED, tmp_path)
    answers = [line for line in facts["said"] if line[:8].rstrip() in ("ok", "FAILED", "n/a")]
    assert len(answers) == 5, facts["said"]
    assert all(line.startswith("ok ") for line in answers), "\n".join(facts["said"])
    assert facts["code"] == 0
    assert "\nseen: headless\n" in facts["file"]
    assert facts["nested"] == 0
    assert facts["stage"]
