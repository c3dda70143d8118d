"""Writing pictures to MP4 or GIF one by one, in memory for only the encoder's few frames."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import numpy as np
from av.error import FFmpegError
from numpy.typing import NDArray

from envs.errors import UserError


class VideoWriter:
    """Writer of the video ``path`` (its suffix decides the format) with ``rate`` pictures per second.

    Pictures are palette indices. ``palette`` is uint8 (colours, 3); ``scale`` is a whole number. If the
    context is left with an error, the file is removed. Raises UserError if the file cannot be written.
    """

    def __init__(self, path: Path, palette: NDArray[np.uint8], rate: Fraction, scale: int = 1) -> None:
        self.path = path
        self.count = 0
        """Pictures written so far."""
        self._palette, self._rate, self._scale = palette, rate, scale
        self._gif = path.suffix == ".gif"
        self._argb = np.zeros((256, 4), np.uint8)
        self._argb[:, 0] = 255
        self._argb[: len(palette), 1:] = palette
        try:
            self._container = av.open(str(path), "w", options={"loop": "0"} if self._gif else {})
        except OSError as error:
            raise self._failed(error) from error
        self._stream: av.VideoStream | None = None

    def add(self, picture: NDArray[np.uint8], times: int = 1) -> None:
        """Write ``picture``, indices of uint8 (height, width), ``times`` times. Raises UserError."""
        large = picture.repeat(self._scale, axis=0).repeat(self._scale, axis=1)
        for _ in range(times):
            frame = self._frame(large)
            frame.pts = self.count
            self._put(frame, large.shape)
            self.count += 1

    def _frame(self, picture: NDArray[np.uint8]) -> av.VideoFrame:
        if self._gif:  # PyAV's annotation lacks the palette that it requires
            return av.VideoFrame.from_ndarray((picture, self._argb), format="pal8")  # type: ignore[arg-type]
        return av.VideoFrame.from_ndarray(self._palette[picture], format="rgb24")

    def _put(self, frame: av.VideoFrame | None, shape: tuple[int, ...] = ()) -> None:
        try:
            if self._stream is None:
                self._stream = self._open(shape)
            self._container.mux(self._stream.encode(frame))
        except (OSError, FFmpegError) as error:
            raise self._failed(error) from error

    def _failed(self, error: OSError | FFmpegError) -> UserError:
        return UserError(f"{self.path}: cannot be written ({error.strerror or error})")

    def _open(self, shape: tuple[int, ...]) -> av.VideoStream:
        stream = self._container.add_stream("gif" if self._gif else "libx264", rate=self._rate)
        stream.height, stream.width = shape
        stream.pix_fmt = "pal8" if self._gif else "yuv420p"
        if not self._gif:
            stream.options = {"crf": "18", "preset": "medium", "tune": "animation"}
        return stream

    def __str__(self) -> str:
        """``12 pictures, 1.3 s, 45,678 bytes``."""
        seconds = float(self.count / self._rate)
        return f"{self.count:,} pictures, {seconds:.1f} s, {self.path.stat().st_size:,} bytes"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None and self._stream is not None:
                self._put(None)
            self._container.close()
        except (OSError, FFmpegError) as failure:
            if kind is None:
                raise self._failed(failure) from failure
        finally:
            if kind is not None and self.count:  # do not remove a file that could not be opened
                self.path.unlink(missing_ok=True)
