"""Service information of an MPEG transport stream: its number, its services and their names.

PAT and PMT are those of ISO 13818-1, section 2.4.4; SDT and the other tables of a broadcast are
those of EN 300 468, whose annex A has the alphabets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sottovoce.files.decoding.boxes import int_at
from sottovoce.files.decoding.mpegts import packet_shape, pids_of

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

__all__ = ["Broadcast", "read_broadcast"]

_LOOKED_AT = 16 << 20
_PAT, _SDT = 0x00, 0x11
_TABLES = {0x10: "NIT", 0x12: "EIT", 0x14: "TDT"}
_SERVICE = 0x48
_ALPHABETS = {n: f"iso8859-{n + 4}" for n in range(1, 12) if n != 8} | {0x15: "utf-8"}


@dataclass(frozen=True, slots=True)
class Broadcast:
    """Service information of a stream.

    Attributes
    ----------
    options : dict of str to str
        Options with which FFmpeg writes the same for its first service.
    names : dict of str to str
        Metadata for FFmpeg: ``service_name`` and ``service_provider``.
    n_services : int
        Number of services.
    tables : tuple of str
        Tables that FFmpeg does not write.
    """

    options: dict[str, str]
    names: dict[str, str]
    n_services: int
    tables: tuple[str, ...]


def read_broadcast(path: Path) -> Broadcast:
    """Read the tables in the first 16 MB of a transport stream.

    Parameters
    ----------
    path : Path
        With packets of 188 or 192 bytes.

    Returns
    -------
    broadcast : Broadcast
        Empty if there are no tables.
    """
    with path.open("rb") as file:
        data = file.read(_LOOKED_AT)
    step, shift = packet_shape(data)
    table = np.frombuffer(data, np.uint8)[: len(data) // step * step].reshape(-1, step)[:, shift:]
    pids = pids_of(table)
    pat, sdt = (_read_section(table[pids == pid]) for pid in (_PAT, _SDT))
    services = [
        (number, int_at(pat, at + 2, 2) & 0x1FFF)
        for at in range(8, len(pat) - 7, 4)
        if (number := int_at(pat, at, 2))
    ]
    options, names = {}, {}
    if services:
        options["mpegts_transport_stream_id"] = str(int_at(pat, 3, 2))
        options["mpegts_service_id"] = str(services[0][0])
        if 0x20 <= services[0][1] <= 0x1FFA:
            options["mpegts_pmt_start_pid"] = str(services[0][1])
    if len(sdt) > 11:
        options["mpegts_original_network_id"] = str(int_at(sdt, 8, 2))
        names = _read_names(sdt, services[0][0] if services else 0)
    found = set(np.unique(pids).tolist())
    tables = tuple(name for pid, name in _TABLES.items() if pid in found)
    return Broadcast(options, names, len(services), tables)


def _read_section(packets: npt.NDArray[np.uint8]) -> bytes:
    """Return the first section in packets of one PID."""
    section = b""
    for packet in packets:
        payload = bytes(packet)[4:188]
        if packet[3] & 0x20:  # an adaptation field
            payload = payload[1 + payload[0] :]
        if packet[1] & 0x40:  # a section begins
            if section:
                break
            payload = payload[1 + payload[0] :] if payload else b""
        elif not section:
            continue
        section += payload
        if len(section) >= 3:
            n_bytes = 3 + (int_at(section, 1, 2) & 0xFFF)
            if len(section) >= n_bytes:
                return section[:n_bytes]
    return b""


def _read_names(sdt: bytes, service: int) -> dict[str, str]:
    at = 11
    while at + 5 <= len(sdt) - 4:
        number = int_at(sdt, at, 2)
        stop = at + 5 + (int_at(sdt, at + 3, 2) & 0xFFF)
        place = at + 5
        while number == service and place + 2 <= stop:
            kind, n = sdt[place], sdt[place + 1]
            body = sdt[place + 2 : place + 2 + n]
            if kind == _SERVICE and len(body) > 2 + body[1]:
                provider, rest = body[2 : 2 + body[1]], body[2 + body[1] :]
                words = {"service_provider": provider, "service_name": rest[1 : 1 + rest[0]]}
                return {key: _decode(word) for key, word in words.items()}
            place += 2 + n
        at = stop
    return {}


def _decode(word: bytes) -> str:
    if not word or word[0] >= 0x20:
        return word.decode("latin-1")
    if word[0] == 0x10 and len(word) > 3 and word[2] in range(1, 16):
        alphabet = f"iso8859-{word[2]}" if word[2] != 12 else "latin-1"  # there is no twelfth
        return word[3:].decode(alphabet, errors="replace")
    return word[1:].decode(_ALPHABETS.get(word[0], "latin-1"), errors="replace")
