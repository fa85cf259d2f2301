"""Where attempts are made: in this application, on all GPUs of this machine, or in a Ray cluster."""

from __future__ import annotations

from collections.abc import Sequence

import omni.ui as ui

from mimicgen.datagen.ui import style
from mimicgen.datagen.ui.draft import Draft
from mimicgen.datagen.ui.fields import Row, Text

HERE, LOCAL, CLUSTER = range(3)
"""The choices, in the order in which they are listed."""

ADDRESSES = ("none", "local", "auto")
"""What the address is when one is chosen; that of a cluster may be another one."""

SPOKEN = ("This application", "All GPUs of this machine", "A Ray cluster")


def chosen(address: object) -> int:
    """Return which choice an address is."""
    return ADDRESSES.index(str(address)) if address in ADDRESSES else CLUSTER


class Where(Row):
    """The choice, and below it the rows that it calls for.

    Attributes:
        rows: These rows.
    """

    def __init__(self, draft: Draft):
        self._typed = ADDRESSES[CLUSTER]
        super().__init__(draft, "cluster.address", "Where", "where")
        self._address = ui.VStack(height=0, visible=False)
        with self._address:
            address = Text(draft, "cluster.address", "Address", lambda: "auto, HOST:PORT, or ray://HOST:PORT")
        self._workers = ui.VStack(height=0, spacing=style.GAP, visible=False)
        with self._workers:
            workers = Text(draft, "cluster.workers", "Workers", self._about_workers)
            self._gpus = ui.VStack(height=0, visible=False)
            with self._gpus:
                gpus = Text(draft, "cluster.gpus_per_worker", "GPUs a worker")
            shards = Text(draft, "cluster.shard_attempts", "Attempts a shard", lambda: "0: eight for every environment")
        self.rows: Sequence[Row] = (address, workers, gpus, shards)

    def _build(self) -> None:
        box = ui.ComboBox(0, *SPOKEN, height=style.ROW, identifier="where")
        box.model.add_item_changed_fn(lambda model, _: self._choose(model.get_item_value_model().as_int))
        self._fields = [box]

    def _choose(self, index: int) -> None:
        self._put(self._typed if index == CLUSTER else ADDRESSES[index])

    def _show(self) -> None:
        address = self._draft.value(self.key)
        index = chosen(address)
        if index == CLUSTER and address:
            self._typed = str(address)  # which is there again when the choice comes back to it
        model = self._fields[0].model.get_item_value_model()
        if model.as_int != index:
            model.set_value(index)

    def refresh(self) -> None:
        """See `Row.refresh`. What is wrong with an address stands at its own field, where there is one."""
        super().refresh()
        index = chosen(self._draft.value(self.key))
        if index == CLUSTER:
            self.note.show("")
        self._address.visible = index == CLUSTER
        self._workers.visible = index != HERE
        self._gpus.visible = self._on_gpus

    def _about_workers(self) -> str:
        if self._on_gpus:
            return "0: one a GPU"
        return f"0: one for every two cores; {self._draft.value('device')} uses no GPU"

    @property
    def _on_gpus(self) -> bool:
        return str(self._draft.value("device")).startswith("cuda")
