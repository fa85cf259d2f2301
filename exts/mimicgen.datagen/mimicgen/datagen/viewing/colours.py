"""Colours of a recording, red, green, blue and opacity, a byte each."""

from __future__ import annotations

PALETTE = (0x4F9BE8FF, 0xE8963AFF, 0x56BD6DFF, 0xCF63BCFF, 0xE0605CFF, 0x8580E8FF, 0xA9B53AFF, 0x37B3B0FF, 0xB5885AFF)
"""Of what is told apart: subtasks, objects."""

GOOD, BAD, GREY = 0x56BD6DFF, 0xE0605CFF, 0x8A929AFF
