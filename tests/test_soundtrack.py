"""The samples of recordings, whatever holds them and however damaged it is."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import av
import numpy as np
import pytest

from prismd.errors import ExtractError
from prismd.soundtrack import RATE_HZ, Soundtrack, clock
from tests.speaking import FORMATS, Samples, silence, write, write_film_without_sound, write_wav


def tone(seconds: float, pitch_hz: float = 440.0) -> Samples:
    at = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    return (0.4 * np.sin(2 * np.pi * pitch_hz * at)).astype(np.float32)


def read(path: Path, piece_s: float = 30.0) -> tuple[Samples, str]:
    with Soundtrack(path) as sound:
        pieces = list(sound.pieces(piece_s))
        assert sum(map(len, pieces)) == round(sound.decoded_s * RATE_HZ)
        return np.concatenate(pieces) if pieces else silence(0), sound.damage()


@pytest.mark.parametrize("suffix", FORMATS)
def test_every_format_gives_its_samples_at_their_time(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"tone.{suffix}", np.concatenate((silence(2), tone(2), silence(1))))
    samples, damage = read(path)
    assert damage == ""
    assert abs(len(samples) / RATE_HZ - 5) < 0.2
    loud = np.flatnonzero(np.abs(samples) > 0.2) / RATE_HZ
    assert abs(loud[0] - 2) < 0.1
    assert abs(loud[-1] - 4) < 0.1


def test_pieces_have_the_length_that_was_asked_for(tmp_path: Path) -> None:
    with Soundtrack(write(tmp_path / "a.flac", tone(2.5))) as sound:
        lengths = [len(piece) / RATE_HZ for piece in sound.pieces(1.0)]
    assert lengths == [1.0, 1.0, 0.5]


def test_stereo_and_other_rates_become_mono_at_the_one_rate(tmp_path: Path) -> None:
    path = tmp_path / "stereo.wav"
    at = np.arange(44_100) / 44_100
    left = (0.5 * 32767 * np.sin(2 * np.pi * 440 * at)).astype(np.int16)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=44_100, layout="stereo")
        packed = np.stack((left, left), axis=1).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(packed, format="s16", layout="stereo")
        frame.sample_rate = 44_100
        container.mux(stream.encode(frame))
    samples, _ = read(path)
    assert abs(len(samples) - RATE_HZ) < 10
    assert 0.3 < np.sqrt(np.mean(samples**2)) < 0.6


def write_late(path: Path, seconds: float, late_from_s: float, late_s: int) -> Path:
    """A recording whose sound from some second on has time stamps that are later."""
    sound = (tone(seconds) * 32767).astype(np.int16)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("flac", rate=RATE_HZ, layout="mono")
        packets = []
        for at in range(0, len(sound), RATE_HZ // 4):
            frame = av.AudioFrame.from_ndarray(sound[None, at : at + RATE_HZ // 4], "s16", "mono")
            frame.sample_rate = RATE_HZ
            frame.pts = at
            packets += stream.encode(frame)
        packets += [packet for packet in stream.encode(None) if packet.size]
        for packet in packets:
            assert packet.pts is not None and packet.dts is not None
            if packet.pts >= late_from_s * RATE_HZ:
                packet.pts += late_s * RATE_HZ
                packet.dts += late_s * RATE_HZ
            container.mux(packet)
    return path


def test_missing_sound_is_silence_so_that_the_time_stays_right(tmp_path: Path) -> None:
    samples, _ = read(write_late(tmp_path / "gap.mkv", 4, late_from_s=2, late_s=10))
    loud = np.abs(samples) > 0.2
    assert loud[RATE_HZ : int(1.9 * RATE_HZ)].any()
    assert not loud[int(2.5 * RATE_HZ) : int(11.5 * RATE_HZ)].any()
    assert loud[int(12.5 * RATE_HZ) : 13 * RATE_HZ].any()


def test_a_time_stamp_far_off_does_not_make_days_of_silence(tmp_path: Path) -> None:
    path = write_late(tmp_path / "leap.ogg", 4, late_from_s=2, late_s=3 * 24 * 3600)
    with Soundtrack(path) as sound:
        samples = np.concatenate(list(sound.pieces(30.0)))
    assert len(samples) < 5 * RATE_HZ
    assert np.count_nonzero(np.abs(samples) > 0.2) > 1.5 * RATE_HZ


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("share", [0.02, 0.35, 0.8])
def test_what_is_cut_off_is_read_as_far_as_it_goes(
    tmp_path: Path, suffix: str, share: float
) -> None:
    path = write(tmp_path / f"cut.{suffix}", tone(20))
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    try:
        samples, damage = read(path)
    except ExtractError as error:
        assert error.code == "broken"
        assert "save it anew" in str(error)
        return
    assert len(samples) < 20.5 * RATE_HZ
    if suffix not in ("mp3", "aac"):  # these are no more than frame after frame
        assert "cut off" in damage or "could not be read" in damage


@pytest.mark.parametrize("suffix", FORMATS)
def test_flipped_bytes_end_in_sound_or_a_reason(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"hurt.{suffix}", tone(5))
    content = bytearray(path.read_bytes())
    random = np.random.default_rng(7)
    for at in random.integers(len(content) // 10, len(content), 200):
        content[at] = random.integers(256)
    path.write_bytes(content)
    try:
        samples, _ = read(path)
    except ExtractError as error:
        assert error.code == "broken"
    else:
        assert np.isfinite(samples).all()


@pytest.mark.parametrize("content", [b"", b"not a recording", b"RIFF\0\0\0\0WAVE", bytes(5000)])
def test_what_is_no_recording_says_so(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "no.wav"
    path.write_bytes(content)
    with pytest.raises(ExtractError, match="save it anew") as caught:
        read(path)
    assert caught.value.code == "broken"


def test_a_playlist_opens_no_other_file(tmp_path: Path) -> None:
    target = write_wav(tmp_path / "secret.wav", tone(1))
    playlists = {
        "list.mp3": f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{target}\n#EXT-X-ENDLIST\n",
        "list.ogg": f"ffconcat version 1.0\nfile '{target}'\n",
    }
    for name, text in playlists.items():
        path = tmp_path / name
        path.write_text(text)
        with pytest.raises(ExtractError):
            read(path)


def test_a_film_without_sound_has_none(tmp_path: Path) -> None:
    with Soundtrack(write_film_without_sound(tmp_path / "mute.mp4")) as sound:
        assert not sound.facts.has_sound
        assert list(sound.pieces(1.0)) == []
        assert sound.facts.duration_s > 1


def test_a_name_that_is_no_text_is_opened(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9.wav")
    write_wav(tmp_path / "a.wav", tone(1)).rename(path)
    assert len(read(path)[0]) == RATE_HZ


def test_what_of_a_tag_is_no_text_is_left_out(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", tone(1))
    title = b"caf\xe9 song\0"
    tags = b"INFOINAM" + struct.pack("<I", len(title)) + title
    with path.open("ab") as wav:
        wav.write(b"LIST" + struct.pack("<I", len(tags)) + tags)
    with Soundtrack(path) as sound:
        assert sound.facts.tags["title"] == "caf song"


def test_a_name_that_looks_like_an_address_is_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_wav(tmp_path / "tcp:a.wav", tone(1))
    assert len(read(Path("tcp:a.wav"))[0]) == RATE_HZ


def test_a_missing_file_is_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Soundtrack(tmp_path / "gone.mp3")


@pytest.mark.parametrize(("seconds", "shown"), [(0, "0:00"), (65.9, "1:05"), (7322, "2:02:02")])
def test_times_are_shown_as_clocks_show_them(seconds: float, shown: str) -> None:
    assert clock(seconds) == shown
