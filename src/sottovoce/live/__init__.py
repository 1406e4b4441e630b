"""The virtual microphone: speech that leaves this computer marked, and a watch that says so."""

from sottovoce.live.session import MicState, VirtualMic
from sottovoce.live.watching import Hearing, SourceWatcher

__all__ = ["Hearing", "MicState", "SourceWatcher", "VirtualMic"]
