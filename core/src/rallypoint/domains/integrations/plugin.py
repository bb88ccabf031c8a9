"""Integrations as a plugin: the same hooks as any provider's."""

from __future__ import annotations
