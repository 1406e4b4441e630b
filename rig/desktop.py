"""What a desktop shows the user: a notification service on the rig's bus."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jeepney import DBusAddress, HeaderFields, MessageType, new_method_call, new_method_return
from jeepney.io.blocking import open_dbus_connection

from rig.background import Background

if TYPE_CHECKING:
    from jeepney import Message

    from rig.server import AudioServer

__all__ = ["Desktop"]

_NAME = "org.freedesktop.Notifications"
_BUS = DBusAddress("/org/freedesktop/DBus", "org.freedesktop.DBus", "org.freedesktop.DBus")
_REPLACE = 2


class Desktop(Background):
    """Take notifications, as the *Desktop Notifications Specification* 1.2 says.

    Attributes
    ----------
    shown : list of str
        The headings, in the order in which they came.
    """

    def __init__(self, server: AudioServer) -> None:
        super().__init__()
        self.shown: list[str] = []
        self._bus = open_dbus_connection(server.environment["DBUS_SESSION_BUS_ADDRESS"])
        request = new_method_call(_BUS, "RequestName", "su", (_NAME, _REPLACE))
        self._bus.send_and_get_reply(request)

    def _close(self) -> None:
        self._bus.close()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                message = self._bus.receive(timeout=0.2)
            except TimeoutError:
                continue
            if message.header.message_type == MessageType.method_call:
                self._answer(message)

    def _answer(self, message: Message) -> None:
        match message.header.fields[HeaderFields.member]:
            case "GetServerInformation":
                words = ("rig", "sottovoce", "1", "1.2")
                self._bus.send(new_method_return(message, "ssss", words))
            case "Notify":
                self.shown.append(message.body[3])
                self._bus.send(new_method_return(message, "u", (len(self.shown),)))
            case _:
                self._bus.send(new_method_return(message))
