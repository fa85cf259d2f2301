"""Attempts as tensors: plans, selection, clearance, random streams; and the policies beside Mimic."""
