"""A GStreamer element that marks speech on its way through a pipeline, live or from a file.

    ... ! audioconvert ! sottovoce owner=anonymous ! ...

GStreamer finds it through its loader of Python plug-ins (Debian: gstreamer1.0-python3-plugin-loader
and python3-gst-1.0), in the folder ``python`` of a folder in ``GST_PLUGIN_PATH``; sottovoce must be
installed for the Python of the system, or be in ``PYTHONPATH``.  Where another Python comes first
in ``PATH`` (pyenv, conda), the loader looks for its modules there, and finds no ``gi``:

    mkdir -p ~/.local/share/gstreamer/python
    cp gstreamer_element.py ~/.local/share/gstreamer/python/
    export GST_PLUGIN_PATH=~/.local/share/gstreamer
    gst-launch-1.0 filesrc location=talk.flac ! decodebin ! audioconvert \
        ! sottovoce strength=1.18 ! wavenc ! filesink location=marked.wav

The sound comes out in full, 16 ms later.  Where marking fails it goes through as it came, and a
warning is posted: nobody must fall silent.
"""

from __future__ import annotations

import gi

gi.require_version("Gst", "1.0")

import numpy as np  # noqa: E402 - gi wants its versions first
from gi.repository import GLib, GObject, Gst  # noqa: E402

import sottovoce as sv  # noqa: E402
from sottovoce.core.owner_id import parse_owner_id  # noqa: E402

Gst.init(None)

CAPS = Gst.Caps.from_string(
    "audio/x-raw,format=F32LE,layout=interleaved,rate=[8000,192000],channels=[1,8]"
)


def _make_template(name: str, direction: Gst.PadDirection) -> Gst.PadTemplate:
    return Gst.PadTemplate.new(name, direction, Gst.PadPresence.ALWAYS, CAPS)


class SottovoceMark(Gst.Element):
    """The element."""

    __gstmetadata__ = (
        "Do-not-train mark",
        "Filter/Effect/Audio",
        "Writes an inaudible refusal of machine training into speech",
        "sottovoce",
    )
    __gsttemplates__ = (
        _make_template("sink", Gst.PadDirection.SINK),
        _make_template("src", Gst.PadDirection.SRC),
    )

    owner = GObject.Property(
        type=str, default="anonymous", nick="owner", blurb="Owner id in the mark, or anonymous"
    )
    strength = GObject.Property(
        type=float, default=1.6, minimum=0.05, maximum=3.0, nick="strength", blurb="In dB"
    )

    def __init__(self) -> None:
        super().__init__()
        self._protector: sv.Protector | None = None
        self._sr, self._n_channels = 0, 0
        self._n_pushed = 0
        self._began: int | None = None
        sink, source = self.__gsttemplates__
        self._sink = Gst.Pad.new_from_template(sink, "sink")
        self._source = Gst.Pad.new_from_template(source, "src")
        self._sink.set_chain_function_full(self._chain)
        self._sink.set_event_function_full(self._take_event)
        self._sink.set_query_function_full(self._answer)
        self._source.set_query_function_full(self._answer)
        self.add_pad(self._sink)
        self.add_pad(self._source)

    def _chain(self, _pad: Gst.Pad, _parent: Gst.Object, buffer: Gst.Buffer) -> Gst.FlowReturn:
        mapped, info = buffer.map(Gst.MapFlags.READ)
        if not mapped:
            return Gst.FlowReturn.ERROR
        heard = np.frombuffer(info.data, dtype=np.float32).reshape(-1, self._n_channels).T.copy()
        buffer.unmap(info)
        if self._began is None:
            self._began = 0 if buffer.pts == Gst.CLOCK_TIME_NONE else buffer.pts
        return self._push(self._mark(heard, last=False))

    def _mark(self, heard: np.ndarray, *, last: bool) -> np.ndarray:
        """Return what is ready; a block that cannot be marked comes out as it is."""
        if self._protector is None:
            return heard
        try:
            return np.atleast_2d(self._protector.process(heard, last=last))
        except Exception as err:  # noqa: BLE001 - whatever it is, the voice goes on
            self.post_message(Gst.Message.new_warning(self, _make_error(err), "not marked"))
            self._protector.reset()
            return np.nan_to_num(heard)

    def _push(self, sound: np.ndarray) -> Gst.FlowReturn:
        n = sound.shape[-1]
        if n == 0:
            return Gst.FlowReturn.OK
        out = Gst.Buffer.new_wrapped(np.ascontiguousarray(sound.T, dtype=np.float32).tobytes())
        out.pts = (self._began or 0) + self._n_pushed * Gst.SECOND // self._sr
        self._n_pushed += n
        out.duration = (self._began or 0) + self._n_pushed * Gst.SECOND // self._sr - out.pts
        return self._source.push(out)

    def _take_event(self, pad: Gst.Pad, parent: Gst.Object, event: Gst.Event) -> bool:
        if event.type == Gst.EventType.CAPS:
            self._flush()
            try:
                self._begin(event.parse_caps().get_structure(0))
            except sv.SottovoceError as err:  # of a property
                self.post_message(Gst.Message.new_error(self, _make_error(err), err.remedy))
                return False
            return self._source.push_event(event)
        if event.type == Gst.EventType.EOS:
            self._flush()
        elif event.type == Gst.EventType.FLUSH_STOP:
            self._began, self._n_pushed = None, 0
            if self._protector is not None:
                self._protector.reset()
        return pad.event_default(parent, event)

    def _begin(self, caps: Gst.Structure) -> None:
        self._sr, self._n_channels = caps.get_value("rate"), caps.get_value("channels")
        self._began, self._n_pushed = None, 0
        owner_id = 0 if self.owner == "anonymous" else parse_owner_id(self.owner)
        self._protector = sv.Protector(
            sr=self._sr, notice=sv.Notice(owner_id=owner_id), strength_db=self.strength
        )

    def _flush(self) -> None:
        """Give out the last 16 ms."""
        if self._protector is not None and self._n_channels:
            self._push(self._mark(np.zeros((self._n_channels, 0), np.float32), last=True))
            self._protector.reset()

    def _answer(self, pad: Gst.Pad, parent: Gst.Object, query: Gst.Query) -> bool:
        """Add the delay to that of the elements before, so that a live pipeline stays in step."""
        if query.type == Gst.QueryType.CAPS:
            return pad.proxy_query_caps(query)  # what goes out has the form of what came
        if query.type != Gst.QueryType.LATENCY or pad is not self._source:
            return pad.query_default(parent, query)
        if not self._sink.peer_query(query):
            return False
        is_live, least, most = query.parse_latency()
        own = round(Gst.SECOND * (self._protector.latency_s if self._protector else 0.016))
        most = most if most == Gst.CLOCK_TIME_NONE else most + own
        query.set_latency(is_live, least + own, most)
        return True


def _make_error(err: Exception) -> GLib.Error:
    code = Gst.LibraryError.SETTINGS
    return GLib.Error.new_literal(Gst.LibraryError.quark(), str(err), code)


GObject.type_register(SottovoceMark)
__gstelementfactory__ = ("sottovoce", Gst.Rank.NONE, SottovoceMark)
