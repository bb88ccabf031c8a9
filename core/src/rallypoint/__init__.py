"""Rallypoint: the backend for people who meet."""

__version__ = "0.1.0"
