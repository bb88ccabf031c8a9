"""Raises when it is imported"""

raise ValueError("no good")
