"""What the page draws of an original and its marked version."""

from __future__ import annotations

import re
import tracemalloc

import numpy as np
import pytest
import soundfile as sf

from rig.chromium import READY_MS
from sottovoce.errors import ParameterError
from sottovoce.page.pictures import RANGE_DB, Pictures

SR = 16_000
COLOURS = """canvas => {
    const { width, height } = canvas;
    const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
    let sum = 0;
    for (let i = 0; i < data.length; i += 4) sum += data[i] + data[i + 1] + data[i + 2];
    return [width, canvas.clientWidth, 4 * sum / data.length / 3];
}"""


def tone(hz: float, scale: float, n: int) -> np.ndarray:
    return scale * np.sin(2 * np.pi * hz * np.arange(n) / SR)


def draw(folder, original, marked, sr=SR) -> Pictures:
    for name, y in (("a.wav", original), ("b.wav", marked)):
        sf.write(folder / name, y, sr, subtype="FLOAT")
    return Pictures(str(folder / "a.wav"), str(folder / "b.wav"), lambda _: None)


class TestPictures:
    def test_levels_are_where_and_as_strong_as_they_should_be(self, tmp_path) -> None:
        n = 10 * SR
        original = tone(1000, 0.5, n)
        pictures = draw(tmp_path, original, original + tone(3000, 0.005, n))
        assert pictures.difference_db == pytest.approx(-40, abs=0.01)
        assert pictures.duration_s == 10
        np.testing.assert_allclose(pictures.peaks[0].T, [[-0.5], [0.5]] * np.ones(1000), atol=0.01)
        middle = pictures.levels[:, 100:900]
        khz = (middle.argmax(axis=-1) + 0.5) * pictures.top_hz / 1000 / middle.shape[-1]
        np.testing.assert_allclose(khz[0], 1.0, atol=0.1)
        np.testing.assert_allclose(khz[2], 3.0, atol=0.1)
        assert middle[0].max() == 255
        difference_db = (middle[2].max(axis=-1) / 255.0 - 1) * RANGE_DB
        # A level of 8 bits is 0.35 dB wide; a tone's power shares rows by its place in a bin.
        np.testing.assert_allclose(difference_db, -40, atol=1.0)

    @pytest.mark.parametrize("n", [1, 100, 4_097, 5 * SR, 5 * SR + 1, 20 * SR - 3])
    def test_any_length_is_drawn_whole(self, tmp_path, n) -> None:
        click = np.zeros((n, 2))
        click[-1] = 0.25, -0.5
        pictures = draw(tmp_path, click, click)
        assert pictures.duration_s == pytest.approx(n / SR)
        assert pictures.peaks.shape[1] == pictures.levels.shape[1] <= 1000
        np.testing.assert_array_equal(pictures.peaks[:, -1], [[-0.5, 0.25]] * 2)
        assert pictures.difference_db is None
        fields = pictures.to_dict()
        n_bytes = fields["n_columns"] * (16 + 3 * fields["n_rows"])
        assert len(pictures.to_bytes()) == n_bytes

    @pytest.mark.slow
    def test_memory_does_not_grow_with_the_length(self, tmp_path) -> None:
        peaks = []
        for n_s in (60, 600):  # 4 and 38 MB as samples, of which there are two
            y = np.tile(tone(440, 0.3, SR), n_s).astype(np.float32)
            for name in ("a.wav", "b.wav"):
                sf.write(tmp_path / name, y, SR, subtype="FLOAT")
            tracemalloc.start()
            try:
                Pictures(str(tmp_path / "a.wav"), str(tmp_path / "b.wav"), lambda _: None)
                peaks.append(tracemalloc.get_traced_memory()[1])
            finally:
                tracemalloc.stop()
        assert peaks[1] < peaks[0] + 2e6

    def test_two_recordings_are_not_compared(self, tmp_path) -> None:
        y = tone(440, 0.3, SR)
        with pytest.raises(ParameterError, match="differ in length"):
            draw(tmp_path, y, y[:-1])
        with pytest.raises(ParameterError, match="differ in length or channels"):
            draw(tmp_path, y, np.stack([y, y], axis=1))
        sf.write(tmp_path / "c.wav", y, 8_000)
        with pytest.raises(ParameterError, match="sampling rate"):
            Pictures(str(tmp_path / "a.wav"), str(tmp_path / "c.wav"), lambda _: None)


@pytest.mark.browser
@pytest.mark.slow
def test_pictures_are_drawn_when_they_are_asked_for(browser_page, clip, tmp_path) -> None:
    page = browser_page
    sf.write(tmp_path / "take.wav", *clip)
    page.locator("#takes").set_input_files(tmp_path / "take.wav")
    page.locator("a.save").wait_for(timeout=READY_MS)
    assert page.locator("canvas").count() == 0
    page.get_by_text("Show pictures").click()
    canvases = page.locator(".pictures canvas")
    canvases.first.wait_for(timeout=READY_MS)
    words = page.locator(".pictures").inner_text()
    found = re.search(r"lies (\d+) dB below the recording", words)
    assert found is not None
    assert 15 < int(found[1]) < 40
    names = [one.get_attribute("aria-label") for one in canvases.all()]
    assert len(names) == len(set(names)) == 6
    assert f"lies {found[1]} dB below" in names[4]
    assert all(one.get_attribute("role") == "img" for one in canvases.all())
    page.wait_for_timeout(500)
    light = [canvases.nth(number).evaluate(COLOURS) for number in range(6)]
    # What differs is fainter than either, and nothing is empty.
    assert light[2][2] == pytest.approx(light[3][2], rel=0.05)
    assert light[4][2] > light[3][2] + 5
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 400, "height": 700})
    page.wait_for_timeout(1000)
    dark = [canvases.nth(number).evaluate(COLOURS) for number in range(6)]
    assert all(own[0] == own[1] < 400 < before[0] for own, before in zip(dark, light, strict=True))
    assert dark[4][2] < dark[3][2] - 5
