"""A second implementation of the wire format, written from its description with loops only.

It shares no code with the package (only the numbers of the format, typed in again) and is slow
on purpose: every step can be followed with a finger.  The tests compare both.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import math
from typing import Any

N_BANDS, N_CELLS, N_PERIODS = 20, 80, 4
N_SYNC, N_SEAL = 48, 10
LABEL = "sottovoce 1"
CHIPS = (1, 1, -1, -1)
WEIGHTS = [0.6, 0.65, 0.8] + [1.0] * 14 + [0.97, 0.9, 0.8]
GENERATORS = ("100110011", "101011101", "111011011", "111100101")  # 463, 535, 733, 745 octal


def hash_sign(label: str, index: int) -> int:
    data = hashlib.shake_256(label.encode()).digest(index // 8 + 1)
    return -1 if data[index // 8] >> (index % 8) & 1 else 1


def hash_words(label: str, n: int) -> list[int]:
    data = hashlib.shake_256(label.encode()).digest(4 * n)
    return [int.from_bytes(data[4 * i : 4 * i + 4], "big") for i in range(n)]


def roles() -> list[list[str]]:
    table = [["data"] * N_BANDS for _ in range(N_CELLS)]
    for band in range(N_BANDS):
        words = hash_words(f"{LABEL} roles band {band}", N_CELLS)
        ranked = sorted(range(N_CELLS), key=lambda cell: (words[cell], cell))
        for cell in ranked[:N_SYNC]:
            table[cell][band] = "sync"
        for cell in ranked[N_CELLS - N_SEAL :]:
            table[cell][band] = "seal"
    return table


def payload_bits(version: int, kind: int, policy: int, year: int, owner_id: int) -> list[int]:
    bits: list[int] = []
    for value, width in ((version, 3), (kind, 1), (policy, 8), (year - 2026, 4), (owner_id, 48)):
        bits += [value >> (width - 1 - i) & 1 for i in range(width)]
    head = bytes(
        sum(bit << (7 - i) for i, bit in enumerate(bits[8 * k : 8 * k + 8])) for k in range(8)
    )
    check = crc16_dnp(b"sv1" + head)
    return bits + [check >> (15 - i) & 1 for i in range(16)]


def crc16_dnp(data: bytes) -> int:
    """Long division by x^16 + x^13 + x^12 + x^11 + x^10 + x^8 + x^6 + x^5 + x^2 + 1."""
    register = 0
    for byte in data:
        for i in range(8):
            bit = byte >> i & 1
            top = register >> 15 & 1
            register = register << 1 & 0xFFFF
            if bit ^ top:
                register ^= 0x3D65
    reflected = 0
    for i in range(16):
        reflected |= (register >> i & 1) << (15 - i)
    return reflected ^ 0xFFFF


def encode(bits: list[int]) -> list[int]:
    n = len(bits)
    coded = []
    for k in range(n):
        for generator in GENERATORS:
            # The last character of a generator multiplies the newest bit.
            parity = 0
            for delay, tap in enumerate(reversed(generator)):
                if tap == "1":
                    parity ^= bits[(k - delay) % n]
            coded.append(parity)
    return coded


def bit_of_cell() -> dict[tuple[int, int, int], int]:
    """Map (period, cell, band) of every data cell to the number of its coded bit."""
    role = roles()
    cells = [
        (band, period * N_CELLS + cell)
        for band in range(N_BANDS)
        for period in range(N_PERIODS)
        for cell in range(N_CELLS)
        if role[cell][band] != "sync"
    ]
    cells.sort()
    table = {}
    for i in range(8):
        group = sorted(cells[320 * i : 320 * i + 320], key=lambda at: (at[1], at[0]))
        for j in range(8):
            part_number = (j + i) % 8
            part = group[40 * part_number : 40 * part_number + 40]
            words = hash_words(f"{LABEL} interleaver {i} {j}", 40)
            order = sorted(range(40), key=lambda k: (words[k], k))
            for rank, k in enumerate(order):
                place = 40 * j + rank
                band, time = part[k]
                table[time // N_CELLS, time % N_CELLS, band] = place % 80 * 4 + place // 80
    return table


def cell_sign(
    period: int,
    cell: int,
    band: int,
    coded: list[int],
    role: list[list[str]],
    bits: dict[tuple[int, int, int], int],
) -> int:
    if role[cell][band] == "sync":
        return hash_sign(f"{LABEL} sync", cell * N_BANDS + band)
    scramble = hash_sign(f"{LABEL} data", (period * N_CELLS + cell) * N_BANDS + band)
    return scramble * (1 - 2 * coded[bits[period, cell, band]])


def seal_sign(key: bytes, superframe: int, index: int) -> int:
    """Return the sign of seal cell number `index` of a superframe, counted in C order."""
    block = index // 256
    message = f"{LABEL} seal".encode() + superframe.to_bytes(8, "big") + block.to_bytes(4, "big")
    data = hmac.new(key, message, hashlib.sha256).digest()
    at = index % 256
    return -1 if data[at // 8] >> (at % 8) & 1 else 1


def band_edges() -> list[float]:
    def mel(f: float) -> float:
        return 2595 * math.log10(1 + f / 700)

    step = (mel(7200) - mel(250)) / N_BANDS
    return [700 * (10 ** ((mel(250) + step * i) / 2595) - 1) for i in range(N_BANDS + 1)]


def protect(y: list[float], sr: int, signs: list[list[int]], strength_db: float) -> list[float]:
    """Embed by a plain discrete Fourier transform of every frame, with no limiting of peaks.

    Only for rates at which 8 ms are a whole number of samples.  `signs` holds a row of gain
    signs for frame -1 and every frame after it.
    """
    hop = sr * 8 // 1000
    n = 2 * hop
    edges = band_edges()
    power = sum(w * w for w in WEIGHTS) / N_BANDS
    window = [math.sin(math.pi * (i + 0.5) / n) for i in range(n)]
    padded = [0.0] * hop + y + [0.0] * (2 * hop)
    out = list(padded)
    for frame in range((len(y) - 1) // hop + 2):
        segment = [padded[frame * hop + i] * window[i] for i in range(n)]
        changed = [0.0] * n
        for k in range(n // 2 + 1):
            gain = 0.0
            for band in range(N_BANDS):
                if edges[band + 1] >= sr / 2:
                    continue
                low, high = (
                    max((k - 0.5) * sr / n, edges[band]),
                    min((k + 0.5) * sr / n, edges[band + 1]),
                )
                share = max(high - low, 0.0) * n / sr
                depth = strength_db * WEIGHTS[band] / math.sqrt(power)
                gain += share * (10 ** (signs[frame][band] * depth / 20) - 1)
            if gain == 0.0:
                continue
            re = sum(segment[i] * math.cos(2 * math.pi * k * i / n) for i in range(n))
            im = -sum(segment[i] * math.sin(2 * math.pi * k * i / n) for i in range(n))
            twice = 1 if k in (0, n // 2) else 2
            for i in range(n):
                angle = 2 * math.pi * k * i / n
                changed[i] += twice * gain * (re * math.cos(angle) - im * math.sin(angle)) / n
        for i in range(n):
            if frame * hop + i < len(out):
                out[frame * hop + i] += changed[i] * window[i]
    for start in range(hop, hop + len(y), hop):
        if not any(padded[start : start + hop]):
            out[start : start + hop] = [0.0] * hop  # digital silence stays so
    return out[hop : hop + len(y)]


def owner_bits() -> list[int]:
    """Return the numbers of the coded bits that any bit of the owner id changes."""
    nobody = encode(payload_bits(1, 0, 0, 2026, 0))
    changed = set()
    for bit in range(48):
        word = encode(payload_bits(1, 0, 0, 2026, 1 << bit))
        changed |= {k for k in range(len(word)) if word[k] != nobody[k]}
    return sorted(changed)


def known_scores(cells: dict[tuple[int, int, int], float], coded: list[int]) -> list[float]:
    """Return how well a code word agrees with cells, for each period that may be the first one."""
    own = set(owner_bits())
    table = bit_of_cell()
    scores = []
    for start in range(N_PERIODS):
        total, energy = 0.0, 0.0
        for (period, cell, band), number in table.items():
            if number not in own:
                continue
            value = cells.get(((period + start) % N_PERIODS, cell, band), 0.0)
            index = (period * N_CELLS + cell) * N_BANDS + band
            total += value * hash_sign(f"{LABEL} data", index) * (1 - 2 * coded[number])
            energy += value * value
        scores.append(total / math.sqrt(energy) if energy else 0.0)
    return scores


def decoy_owner(number: int) -> int:
    """Return the id of one of the owners picked at random, counted from 0."""
    data = hashlib.shake_256(f"{LABEL} decoy owners".encode()).digest(6 * number + 6)
    return int.from_bytes(data[6 * number :], "big")


def seal_score(
    scores: list[list[float]], *, rate: int, offset: int, key: bytes, first_number: int
) -> float:
    """Return how well cell scores agree with a seal, over the root of their energy.

    `scores` has `rate` rows for each frame of 8 ms; the superframe `first_number` begins at row
    `offset`, which may lie before the first one.
    """
    table, total, energy = roles(), 0.0, 0.0
    length = rate * 4 * N_CELLS * N_PERIODS
    for superframe in range((len(scores) - offset) // length + 1):
        index = 0
        for period in range(N_PERIODS):
            for cell in range(N_CELLS):
                row = offset + superframe * length + rate * 4 * (period * N_CELLS + cell)
                for band in range(N_BANDS):
                    if table[cell][band] != "seal":
                        continue
                    if 0 <= row < len(scores) and band < len(scores[row]):
                        value = scores[row][band]
                        total += value * seal_sign(key, first_number + superframe, index)
                        energy += value * value
                    index += 1
    return total / math.sqrt(energy) if energy else 0.0


def seal_score_of_signs(
    scores: list[list[float]], *, offset: int, texts: list[dict[str, Any]]
) -> float:
    """Return what `seal_score` does, from signs as a seal's owner shows them.

    `scores` has two rows for each frame; the first superframe shown begins at row `offset`.
    """
    table, total, energy = roles(), 0.0, 0.0
    length = 2 * 4 * N_CELLS * N_PERIODS
    for superframe, text in enumerate(texts):
        signs = base64.urlsafe_b64decode(text["signs"] + "==")
        index = 0
        for period in range(N_PERIODS):
            for cell in range(N_CELLS):
                row = offset + superframe * length + 2 * 4 * (period * N_CELLS + cell)
                for band in range(N_BANDS):
                    if table[cell][band] != "seal":
                        continue
                    if 0 <= row < len(scores) and band < len(scores[row]):
                        sign = -1 if signs[index // 8] >> (index % 8) & 1 else 1
                        total += scores[row][band] * sign
                        energy += scores[row][band] ** 2
                    index += 1
    return total / math.sqrt(energy) if energy else 0.0


def seal_commitment(leaves: list[bytes]) -> bytes:
    """Return the Merkle tree hash of RFC 9162, section 2.1, by its recursive definition."""
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    split = 1
    while 2 * split < len(leaves):
        split *= 2
    left, right = seal_commitment(leaves[:split]), seal_commitment(leaves[split:])
    return hashlib.sha256(b"\x01" + left + right).digest()
