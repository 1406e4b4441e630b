"""Metadata that accompany the sound: tags, pictures, chapters, dates."""

from sottovoce.files.keeping.plan import Keeping, carry_over, plan_keeping

__all__ = ["Keeping", "carry_over", "plan_keeping"]
