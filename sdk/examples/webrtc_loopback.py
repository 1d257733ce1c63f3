#!/usr/bin/env python3
"""Enhances the audio of a WebRTC call as it arrives. Both ends of the call are in this process: one sends a recording
as Opus over DTLS-SRTP and UDP, the other one decodes it, enhances it packet by packet and writes what it hears.

Usage: webrtc_loopback.py IN OUT.wav [SECONDS]. Needs the packages linnet and aiortc (pip install aiortc==1.16.0).
"""

from __future__ import annotations

import asyncio
import sys
import wave

import numpy as np
from aiortc import MediaStreamTrack, RTCPeerConnection
from aiortc.contrib.media import MediaPlayer
from av import AudioFrame

import linnet

RATE = 48000  # of Opus in WebRTC, whatever was recorded


class EnhancedTrack(MediaStreamTrack):
    """A received audio track, enhanced: `delay` samples of the enhancer later, mono."""

    kind = "audio"

    def __init__(self, track: MediaStreamTrack, enhancer: linnet.Enhancer) -> None:
        super().__init__()
        self.track = track
        self.enhancer = enhancer

    async def recv(self) -> AudioFrame:
        """The next packet's samples, 20 ms: two frames of linnet."""
        frame = await self.track.recv()
        channels = len(frame.layout.channels)
        samples = frame.to_ndarray().reshape(-1, channels)[:, :1]  # the decoder may say stereo: both sides are alike
        enhanced = AudioFrame.from_ndarray(self.enhancer.process(samples).T, format="s16", layout="mono")
        enhanced.sample_rate, enhanced.pts, enhanced.time_base = frame.sample_rate, frame.pts, frame.time_base
        return enhanced


async def connect(here: RTCPeerConnection, there: RTCPeerConnection) -> None:
    """What a signalling server does: carries the descriptions of both ends, with their addresses, to each other."""
    await here.setLocalDescription(await here.createOffer())
    await there.setRemoteDescription(here.localDescription)
    await there.setLocalDescription(await there.createAnswer())
    await here.setRemoteDescription(there.localDescription)


async def call(recording: str, output: str, seconds: float) -> dict[str, int]:
    """Sends the recording, writes what the other end hears of it, and counts the packets."""
    enhancer = linnet.Enhancer("light", any_block=False)
    here, there = RTCPeerConnection(), RTCPeerConnection()
    received: asyncio.Future[MediaStreamTrack] = asyncio.get_running_loop().create_future()
    there.on("track", received.set_result)
    here.addTrack(MediaPlayer(recording).audio)
    try:
        await connect(here, there)
        track = EnhancedTrack(await received, enhancer)
        with wave.open(output, "wb") as file:
            file.setparams((1, 2, RATE, 0, "NONE", ""))
            for _ in range(int(seconds * 50)):
                frame = await track.recv()
                file.writeframes(frame.to_ndarray().astype(np.int16).tobytes())
        stats = (await there.getStats()).values()
        [inbound] = [one for one in stats if one.type == "inbound-rtp"]
        return {"packets": inbound.packetsReceived, "lost": inbound.packetsLost, "samples": frame.samples}
    finally:
        await asyncio.gather(here.close(), there.close())


def main() -> int:
    """Runs a call; the exit status."""
    if len(sys.argv) not in (3, 4):
        print(__doc__, file=sys.stderr)
        return 2
    found = asyncio.run(call(sys.argv[1], sys.argv[2], float(sys.argv[3]) if len(sys.argv) > 3 else 5.0))
    print("{packets} packets of {samples} samples, {lost} lost".format(**found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
