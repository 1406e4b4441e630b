"""Commands in ``wav.scp``: the file that is decoded, and nothing where it is not plainly one."""

from __future__ import annotations

import pytest

from sottovoce.scan.listings.decoding_commands import file_of_command

# From recipes of Kaldi's: librispeech, wsj, swbd, fisher, tedlium, ami, voxceleb, dihard.
DECODED = {
    "flac -c -d -s /corpus/LibriSpeech/19-198-0000.flac |": "/corpus/LibriSpeech/19-198-0000.flac",
    "flac -cds a.flac|": "a.flac",
    "/usr/bin/flac --decode --stdout --silent 'a b.flac' |": "a b.flac",
    "sph2pipe -f wav a.wv1 |": "a.wv1",
    "$KALDI_ROOT/tools/sph2pipe_v2.5/sph2pipe -f wav -p -c 2 sw02001.sph |": "sw02001.sph",
    "sph2pipe -f wav -p -c 1 a.sph | sox -t wav - -r 16k -t wav - |": "a.sph",
    "sox a.wav -t wav - |": "a.wav",
    "sox -t mp3 a.mp3 -r 16000 -b 16 -c 1 -e signed-integer -t wav - remix 1 rate 16k |": "a.mp3",
    "sox --vol 0.8 -t wav a.wav -t wav - speed 0.9 2>/dev/null |": "a.wav",
    "ffmpeg -v 8 -i a.m4a -f wav -acodec pcm_s16le -ac 1 -ar 16000 - |": "a.m4a",
    "ffmpeg -nostdin -loglevel panic -i a.mp4 -vn -f wav pipe:1 |": "a.mp4",
}
OTHERS = (
    *("touch x |", "cat a.wav |", "bash -c 'flac -c -d a.flac' |", "flac a.flac |", "|", "  |"),
    *("flac -c -d a.flac b.flac |", "flac -c -d $(touch x) |", "flac -c -d a.flac; touch x |"),
    *("flac -c -d a.flac > b.wav |", "flac -c -d `touch x` |", "flac -c -d a.flac && touch x |"),
    *(
        "flac -c -d a.flac | touch x |",
        "flac -c -d a.flac | sox b.wav -t wav - |",
        "flac -c -d - |",
    ),
    *(
        'flac -c -d "$HOME/a.flac" |',
        "flac -c -d *.flac |",
        "flac -c -d 'a.flac |",
        "flac -cd a\\ |",
    ),
    *("sox -m a.wav b.wav -t wav - |", "sox a.wav b.wav |", 'sox "|touch x" -t wav - |'),
    *("sox a.wav -t wav - noisered profile 0.2 |", "sox a.wav -t |", "sph2pipe a.sph b.wav |"),
    *("ffmpeg -i a.wav -i b.wav -f wav - |", "ffmpeg -i http://host/a.wav -f wav - |"),
    *("ffmpeg -i concat:a|b -f wav - |", "ffmpeg -i a.wav -af amovie=b.wav -f wav - |"),
    *("ffmpeg -i a.wav b.wav |", "wav-reverberate --rir=b.wav a.wav - |", "sox -t wav - |"),
)


@pytest.mark.parametrize("command", DECODED)
def test_the_file_that_is_decoded_is_found(command: str) -> None:
    assert file_of_command(command) == DECODED[command]


@pytest.mark.parametrize("command", OTHERS)
def test_whatever_is_not_plainly_one_file_has_none(command: str) -> None:
    assert file_of_command(command) is None
