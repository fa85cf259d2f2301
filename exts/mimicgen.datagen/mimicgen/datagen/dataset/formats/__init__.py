"""Datasets in the formats that policies are trained from."""
