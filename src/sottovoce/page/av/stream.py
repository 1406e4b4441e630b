"""Stands in for ``av.stream``, of which only containers need anything."""

from __future__ import annotations

__all__: list[str] = []
