"""Colours and measures of the panel, close to those of Omniverse's dark theme."""

from __future__ import annotations

from typing import Any

from omni.ui import color

WINDOW = color("#2a2b2e")
CARD = color("#343539")
FIELD = color("#1f2022")
LINE = color("#4a4c52")
TEXT = color("#dcdee1")
DIM = color("#9da1a8")
FAINT = color("#858a92")
GREEN = color("#76b900")
LIGHT_GREEN = color("#8fd411")
AMBER = color("#e3a73c")
RED = color("#f0706a")
BLUE = color("#6cb2f0")
CLEAR = color("#00000000")

LABEL_WIDTH = 132
"""Width of the column of labels [pixels]."""

GAP = 8
"""Space between things that belong together [pixels]."""

ROW = 24
"""Height of a field [pixels]."""

STYLE: dict[str, Any] = {
    "Window": {"background_color": WINDOW, "border_width": 0},
    "ScrollingFrame": {"background_color": WINDOW, "secondary_color": LINE, "scrollbar_size": 8},
    "ScrollingFrame::well": {"background_color": FIELD, "border_radius": 3},
    "Label": {"color": TEXT, "font_size": 16},
    "Label:disabled": {"color": FAINT},
    "Label::key": {"color": DIM},
    "Label::hint": {"color": FAINT, "font_size": 15},
    "Label::problem": {"color": RED, "font_size": 15},
    "Label::warning": {"color": AMBER, "font_size": 15},
    "Label::good": {"color": LIGHT_GREEN, "font_size": 15},
    "Label::section": {"color": TEXT, "font_size": 17},
    "Label::group": {"color": DIM, "font_size": 15},
    "Label::number": {"color": TEXT, "font_size": 23},
    "Label::caption": {"color": DIM, "font_size": 16},
    "Label::state": {"color": TEXT, "font_size": 20},
    "Label::body": {"color": TEXT, "font_size": 15},
    "Label::info": {"color": DIM, "font_size": 15},
    "Label::error": {"color": RED, "font_size": 15},
    "Label::clock": {"color": FAINT, "font_size": 15},
    "Rectangle::card": {"background_color": CARD, "border_radius": 5},
    "Rectangle::well": {"background_color": FIELD, "border_radius": 3},
    "Rectangle::bar": {"background_color": GREEN, "border_radius": 3},
    "Rectangle::funnel": {"background_color": color("#4f7d9c"), "border_radius": 3},
    "Rectangle::success": {"background_color": GREEN, "border_radius": 3},
    "Rectangle::banner_failed": {"background_color": color("#4a2b2b"), "border_radius": 5},
    "Rectangle::banner_done": {"background_color": color("#30402a"), "border_radius": 5},
    "Rectangle::rule": {"background_color": LINE},
    "Field": {
        "background_color": FIELD,
        "color": TEXT,
        "border_radius": 3,
        "border_width": 1,
        "border_color": FIELD,
        "font_size": 16,
        "background_selected_color": color("#3d6285"),
    },
    "Field:hovered": {"border_color": LINE},
    "Field::wrong": {"border_color": RED},
    "Field:disabled": {"color": FAINT},
    "ComboBox": {
        "background_color": FIELD,
        "secondary_color": FIELD,
        "color": TEXT,
        "border_radius": 3,
        "font_size": 16,
        "selected_color": color("#3d6285"),
        "secondary_selected_color": TEXT,
    },
    "CheckBox": {"background_color": TEXT, "color": FIELD, "border_radius": 2, "font_size": 14},
    "Button": {"background_color": color("#505258"), "border_radius": 4, "margin": 0, "padding": 5},
    "Button:hovered": {"background_color": color("#62656c")},
    "Button:pressed": {"background_color": color("#45474c")},
    "Button:disabled": {"background_color": color("#3a3b3f")},
    "Button.Label": {"color": TEXT, "font_size": 16},
    "Button.Label:disabled": {"color": FAINT},
    "Button::primary": {"background_color": GREEN},
    "Button::primary:hovered": {"background_color": LIGHT_GREEN},
    "Button::primary:pressed": {"background_color": color("#5f9400")},
    "Button::primary:disabled": {"background_color": color("#3f4a2e")},
    "Button.Label::primary": {"color": color("#14170d"), "font_size": 17},
    "Button.Label::primary:disabled": {"color": color("#7c8a63")},
    "Button::choice": {"background_color": FIELD},
    "Button::choice:hovered": {"background_color": color("#2a2c2f")},
    "Button::job": {"background_color": FIELD},
    "Button::job:hovered": {"background_color": color("#2a2c2f")},
    "Button::job:checked": {"background_color": color("#3d6285")},
    "Button.Label::job": {"color": DIM},
    "Button.Label::job:checked": {"color": TEXT},
    "Button::tab": {"background_color": CLEAR, "border_radius": 0},
    "Button::tab:checked": {"background_color": CARD},
    "Button.Label::tab": {"color": DIM},
    "Button.Label::tab:checked": {"color": TEXT},
    "Circle::idle": {"background_color": FAINT},
    "Circle::starting": {"background_color": BLUE},
    "Circle::running": {"background_color": GREEN},
    "Circle::working": {"background_color": GREEN},
    "Circle::benched": {"background_color": AMBER},
    "Circle::lost": {"background_color": RED},
    "Circle::ended": {"background_color": FAINT},
    "Circle::paused": {"background_color": AMBER},
    "Circle::stopping": {"background_color": AMBER},
    "Circle::done": {"background_color": GREEN},
    "Circle::failed": {"background_color": RED},
    "Triangle::section": {"background_color": DIM},
    "CollapsableFrame": {
        "background_color": CARD,
        "secondary_color": CARD,
        "border_radius": 5,
        "border_width": 0,
        "padding": 0,
        "margin": 0,
    },
    "Plot": {"background_color": FIELD, "color": LIGHT_GREEN, "border_radius": 3},
    "Tooltip": {
        "background_color": color("#16171a"),
        "color": TEXT,
        "border_width": 1,
        "border_color": LINE,
        "padding": 6,
        "font_size": 15,
    },
    "Menu": {"background_color": FIELD, "color": TEXT, "font_size": 16},
    "MenuItem": {"color": TEXT, "font_size": 16},
    "MenuItem:disabled": {"color": FAINT},
    "Image": {"border_radius": 3},
}
