"""The virtual microphone: speech that leaves this computer marked, and a watch that says so."""

from sottovoce.live.hearing import Hearing
from sottovoce.live.opening import VirtualMic, open_mic
from sottovoce.live.state import MicState
from sottovoce.live.watching import SourceWatcher, listen_to

__all__ = ["Hearing", "MicState", "SourceWatcher", "VirtualMic", "listen_to", "open_mic"]
