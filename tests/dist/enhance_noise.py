"""What consumer.c does, in Python: prints a hash of a second of enhanced noise. Run with an installed linnet."""

import sys

import numpy as np

import linnet

noise, value = [], 1
for _ in range(48000):
    value = (value * 1664525 + 1013904223) % (1 << 32)
    noise.append(value)
samples = ((np.array(noise, np.uint32).view(np.int32) >> 16) / 131072).astype(np.float32)
number = 14695981039346656037
for byte in linnet.Enhancer(sys.argv[1], any_block=False).process(samples).astype("<f4").tobytes():
    number = (number ^ byte) * 1099511628211 % (1 << 64)
print(f"{number:016x}")
