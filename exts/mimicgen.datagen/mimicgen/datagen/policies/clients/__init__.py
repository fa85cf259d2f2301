"""Policies of libraries and of servers, each of which brings its own way of being asked."""
