"""Draws the three tones of the app as small WAV files: `python -m store_app.assets.make_tones`.

Right rises, wrong falls, a note stays level: told apart without looking, and without perfect pitch. Sine waves with
two soft overtones and a smooth envelope, so that they stay bearable at two thousand scans a shift.
"""

import math
import struct
import wave
from pathlib import Path

RATE = 22050
FOLDER = Path(__file__).parent / "tones"
TONES: dict[str, list[tuple[float, float]]] = {
    "right": [(659.3, 0.07), (987.8, 0.11)],
    "wrong": [(311.1, 0.14), (207.7, 0.22)],
    "note": [(523.3, 0.09), (523.3, 0.09)],
}


def samples(notes: list[tuple[float, float]]) -> list[int]:
    """Notes as (hertz, seconds) -> signed 16-bit samples."""
    return [_sample(hertz, n / RATE, seconds) for hertz, seconds in notes for n in range(int(seconds * RATE))]


def _sample(hertz: float, at: float, length: float) -> int:
    envelope = min(1.0, at / 0.008) * (0.5 + 0.5 * math.cos(math.pi * at / length))
    turn = 2 * math.pi * hertz * at
    wave_form = math.sin(turn) + 0.28 * math.sin(2 * turn) + 0.1 * math.sin(3 * turn)
    return int(wave_form / 1.38 * envelope * 24000)


def write_tones(folder: Path = FOLDER) -> None:
    """Write every tone into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, notes in TONES.items():
        values = samples(notes)
        with wave.open(str(folder / f"{name}.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes(struct.pack(f"<{len(values)}h", *values))


if __name__ == "__main__":
    write_tones()
