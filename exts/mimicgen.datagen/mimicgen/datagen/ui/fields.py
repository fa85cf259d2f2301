"""A row for every kind of configuration value: what can be typed or chosen, its tooltip, and what is wrong with it."""

from __future__ import annotations

import textwrap
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import omni.ui as ui

from mimicgen.datagen.config.values import as_path, limit
from mimicgen.datagen.errors import ConfigError
from mimicgen.datagen.ui import style
from mimicgen.datagen.ui.parts import Note, explain, row

TASKS_OWN = "Empty: the task's own"
"""Under a field without a value, where the task says what holds."""

_SHORT = 5
"""Units up to this length stand in the label; longer ones only in the tooltip."""

_TOOLTIP = 36
"""Tooltips are wrapped here [characters]."""


class Values(Protocol):
    """What rows show and change, by key.

    Attributes:
        problems: What is wrong, by key, in words.
    """

    problems: dict[str, str]

    def value(self, key: str) -> Any:
        """Return what was typed for a key, else its default; None when it has neither."""

    def put(self, key: str, value: Any) -> None:
        """Put in what was typed."""

    def about(self, key: str) -> About:
        """Return what a key takes."""

    def named(self, key: str) -> str:
        """Return what a key is called elsewhere."""


class About(Protocol):
    """What a key takes, which `config.keys.Key` says of the configuration's: see there."""

    @property
    def doc(self) -> str:
        """What it means."""

    @property
    def unit(self) -> str:
        """In which unit it is; empty without one."""

    @property
    def low(self) -> float | None:
        """Smallest number, None without limits."""

    @property
    def high(self) -> float | None:
        """Largest number."""

    @property
    def choices(self) -> tuple[str, ...]:
        """What it may be, empty for anything."""


def _describe(values: Values, key: str, label: str) -> tuple[str, list[str]]:
    """Return the label with its unit, and the tooltip: the field's own documentation, its unit and its range."""
    about = values.about(key)
    lines = textwrap.wrap(f"{about.doc}.", _TOOLTIP)
    if about.unit:
        lines.append(f"Unit: {about.unit}.")
    if about.low is not None and about.high is not None:
        lines.append(f"From {limit(about.low)} to {limit(about.high)}.")
    lines.append(values.named(key))
    unit = about.unit
    return (f"{label} ({unit})" if unit and len(unit) <= _SHORT else label), lines


class Row(ABC):
    """A labelled row for one key.

    Args:
        draft: Where values are read and put.
        key: The configuration's key.
        label: What the user reads.
        name: What the row is called, where the key has several; None: as the key.

    Attributes:
        key: The configuration's key.
        label: What the user reads.
    """

    def __init__(self, draft: Values, key: str, label: str, name: str | None = None):
        self.key = key
        self.label = label
        self._draft = draft
        self._fields: list[Any] = []
        self._showing = False
        text, self._tooltip = _describe(draft, key, label)
        with ui.VStack(height=0, spacing=2):
            with row(text, self._tooltip):
                self._build()
            for field in self._fields:
                self._explain(field)
            self.note = Note("hint", identifier=f"{name or key}.note", indent=style.LABEL_WIDTH + style.GAP)

    @abstractmethod
    def _build(self) -> None:
        """Make the widgets."""

    @abstractmethod
    def _show(self) -> None:
        """Put the draft's value into the widgets."""

    def refresh(self) -> None:
        """Show the draft's value and what is wrong with it."""
        self._showing = True
        self._show()
        self._showing = False
        problem = self._draft.problems.get(self.key, "")
        self.note.show(problem or self.hint(), "problem" if problem else "hint")
        for field in self._fields:
            field.name = "wrong" if problem else ""

    def hint(self) -> str:
        """Return what to say under the field while nothing is wrong."""
        return ""

    def enable(self, enabled: bool) -> None:
        """Let the value be edited or not."""
        for field in self._fields:
            field.enabled = enabled

    def _explain(self, widget: ui.Widget) -> None:
        explain(widget, self._tooltip, indent=style.LABEL_WIDTH + style.GAP)

    def _put(self, value: Any) -> None:
        if not self._showing:
            self._draft.put(self.key, value)


class Text(Row):
    """A value that is typed. `hint` under it comes from outside: a resolved path, or the task's own value."""

    def __init__(self, draft: Values, key: str, label: str, hint: Callable[[], str] = str):
        self._hint = hint
        super().__init__(draft, key, label)

    def hint(self) -> str:
        """See `Row.hint`."""
        return self._hint()

    def _build(self) -> None:
        field = ui.StringField(height=style.ROW, identifier=self.key)
        field.model.add_value_changed_fn(lambda model: self._put(model.as_string.strip()))
        self._fields = [field]

    def _show(self) -> None:
        _set_text(self._fields[0], self._draft.value(self.key))


class Pair(Text):
    """A smallest and a largest number, typed in two fields."""

    def _build(self) -> None:
        with ui.HStack(height=style.ROW, spacing=style.GAP):
            self._fields = [ui.StringField(identifier=f"{self.key}.{end}") for end in ("low", "high")]
        for field in self._fields:
            field.model.add_value_changed_fn(lambda _: self._put_both())

    def _put_both(self) -> None:
        self._put(tuple(field.model.as_string.strip() for field in self._fields))

    def _show(self) -> None:
        value = self._draft.value(self.key)
        ends = value if isinstance(value, tuple) and len(value) == len(self._fields) else (value, None)
        for field, end in zip(self._fields, ends, strict=True):
            _set_text(field, end)


class Switch(Row):
    """Yes or no."""

    def _build(self) -> None:
        with ui.VStack(width=18, height=style.ROW):
            ui.Spacer()
            box = ui.CheckBox(height=16, identifier=self.key)
            ui.Spacer()
        ui.Spacer()
        box.model.add_value_changed_fn(lambda model: self._put(model.as_bool))
        self._fields = [box]

    def _show(self) -> None:
        value = self._draft.value(self.key) is True
        if self._fields[0].model.as_bool != value:
            self._fields[0].model.set_value(value)


class Choice(Row):
    """One of several texts, spoken or as it is. Where the key has no value of its own, `unset` says what then holds."""

    def __init__(self, draft: Values, key: str, label: str, unset: str = "", *, spoken: bool = True):
        self._choices = draft.about(key).choices
        self._unset = unset
        self._say = _spoken if spoken else str
        super().__init__(draft, key, label)

    def _build(self) -> None:
        self._items = ([self._unset] if self._unset else []) + [self._say(choice) for choice in self._choices]
        box = ui.ComboBox(0, *self._items, height=style.ROW, identifier=self.key)
        box.model.add_item_changed_fn(lambda model, _: self._chosen(model.get_item_value_model().as_int))
        self._fields = [box]

    def _chosen(self, index: int) -> None:
        values = ([None] if self._unset else []) + list(self._choices)
        self._put(values[index])

    def _show(self) -> None:
        value = self._draft.value(self.key)
        index = self._items.index(self._say(value)) if value in self._choices else 0
        model = self._fields[0].model.get_item_value_model()
        if model.as_int != index:
            model.set_value(index)


class Several(Row):
    """Any of several names, each with a box. All boxes ticked is the empty list where that means all."""

    def __init__(self, draft: Values, key: str, label: str, names: Sequence[str], *, empty_means_all: bool):
        self._names = list(names)
        self._empty_means_all = empty_means_all
        super().__init__(draft, key, label)

    def _build(self) -> None:
        with ui.VStack(height=0, spacing=2):
            for name in self._names:
                with ui.HStack(height=style.ROW, spacing=style.GAP):
                    with ui.VStack(width=18):
                        ui.Spacer()
                        box = ui.CheckBox(height=16, identifier=f"{self.key}.{name}")
                        ui.Spacer()
                    ui.Label(_spoken(name))
                box.model.add_value_changed_fn(lambda _: self._put_all())
                self._fields.append(box)

    def _put_all(self) -> None:
        ticked = tuple(name for name, box in zip(self._names, self._fields, strict=True) if box.model.as_bool)
        if not ticked and self._empty_means_all and not self._showing:
            self.refresh()  # the last one stays ticked: none at all is said by 'When'
            return
        self._put(() if self._empty_means_all and len(ticked) == len(self._names) else ticked)

    def _show(self) -> None:
        value = self._draft.value(self.key)
        wanted = value if value or not self._empty_means_all else tuple(self._names)
        for name, box in zip(self._names, self._fields, strict=True):
            if box.model.as_bool != (name in wanted):
                box.model.set_value(name in wanted)


def _set_text(field: Any, value: Any) -> None:
    """Show a value, but leave alone a field that already means it: the user may be typing there."""
    several = isinstance(value, tuple | list)
    text = "" if value is None else ", ".join(map(str, value)) if several else str(value)
    if field.model.as_string.strip() != text:
        field.model.set_value(text)


def _spoken(name: Any) -> str:
    words = str(name).replace("_", " ")
    return words[:1].upper() + words[1:]


def resolved(draft: Values, key: str) -> Callable[[], str]:
    """Return what says where a path that was typed leads, and whether something is there already."""

    def words() -> str:
        value = draft.value(key)
        if value is None:
            return ""
        try:
            path = as_path(key, value).expanduser().absolute()
        except ConfigError:  # which stands at the field
            return ""
        said = [] if str(path) == str(value) else [str(path)]
        if key == "output_dataset" and path.exists() and draft.value("fresh") is not True:
            said.append("Exists: continued if it was made alike; starting afresh moves it aside")
        return "\n".join(said)

    return words
