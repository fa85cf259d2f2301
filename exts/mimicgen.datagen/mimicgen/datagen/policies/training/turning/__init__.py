"""Scenes that are turned about the vertical and moved over the table, so that a few demonstrations say more."""
