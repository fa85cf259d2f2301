"""Tests of recordings for rerun's viewer."""
