"""A training that is started, followed and stopped from the panel."""
