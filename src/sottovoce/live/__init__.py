"""The virtual microphone: speech that leaves this computer marked, and a watch that says so."""

from sottovoce.live.listening.hearing import Hearing
from sottovoce.live.listening.watcher import SourceWatcher
from sottovoce.live.mic_state import MicState
from sottovoce.live.microphones import VirtualMic, listen_to, open_mic

__all__ = ["Hearing", "MicState", "SourceWatcher", "VirtualMic", "listen_to", "open_mic"]
