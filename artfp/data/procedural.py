"""Images made by code: what codecs train on when no photographs are at hand, and what the demo shows.

`photo-like` joins the statistics of natural images that matter to a codec: occlusion at every scale (dead leaves,
Lee, Mumford and Huang, IJCV 2001), 1/f spectra, and regular patterns. `horizons` are landscapes at dusk.
Image i depends on (kind, size, seed, i) alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from multiprocessing import get_context

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from artfp.errors import UsageError
from artfp.seeds import numpy_generator

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float64]
SUPERSAMPLE = 2  # shapes are drawn larger, then box-filtered: Pillow's shapes have hard edges


def generate(kind: str, count: int, size: int, seed: int, start: int = 0) -> Iterator[Pixels]:
    """Images start ... start + count - 1 of a kind, each size x size x 3."""
    if kind not in KINDS:
        raise UsageError(f"no procedural images of kind {kind!r}; known: {', '.join(KINDS)}")
    paint = KINDS[kind]
    for index in range(start, start + count):
        image = paint(numpy_generator(kind, size, seed, index), size)
        yield np.rint(image.clip(0, 1) * 255).astype(np.uint8)


def generate_all(kind: str, count: int, size: int, seed: int, workers: int = 1) -> Pixels:
    """The same images as one array, painted by several processes."""
    if workers <= 1:
        return np.stack(list(generate(kind, count, size, seed)))
    piece = -(-count // (4 * workers))
    starts = range(0, count, piece)
    sizes = [min(piece, count - start) for start in starts]
    with ProcessPoolExecutor(workers, mp_context=get_context("forkserver")) as pool:
        parts = pool.map(_piece, repeat(kind), sizes, repeat(size), repeat(seed), starts)
        return np.concatenate(list(parts))


def _piece(kind: str, count: int, size: int, seed: int, start: int) -> Pixels:
    return np.stack(list(generate(kind, count, size, seed, start)))


def photo_like(random: np.random.Generator, size: int) -> Floats:
    """Dead leaves, spectral noise, woven patterns, soft gradients and flat graphics, in a mix as photographs show."""
    choice = random.random()
    if choice < 0.55:
        image = dead_leaves(random, size)
    elif choice < 0.73:
        image = spectral_noise(random, size)
    elif choice < 0.83:
        image = weave(random, size)
    elif choice < 0.91:
        image = gradient(random, size) + random.uniform(0, 0.05) * spectral_noise(random, size)
    else:
        image = graphics(random, size)
    if random.random() < 0.5:
        image = image + random.uniform(0, 0.03) * random.standard_normal(image.shape)
    return _graded(random, image)


def dead_leaves(random: np.random.Generator, size: int) -> Floats:
    """Opaque shapes of power-law size over each other, shaded by spectral noise, softened as lenses do."""
    side = size * SUPERSAMPLE
    image = Image.fromarray(_bytes(gradient(random, side)))
    draw = ImageDraw.Draw(image)
    count = int(20 * 12 ** random.random())
    # p(r) ~ r^-3 between the limits, by inverse transform
    smallest, largest = side * random.uniform(0.01, 0.05), side * random.uniform(0.2, 0.7)
    uniform = random.random(count)
    radii = 1 / np.sqrt(uniform / smallest**2 + (1 - uniform) / largest**2)
    for radius, color in zip(np.sort(radii)[::-1], _palette(random, count), strict=True):
        _draw_leaf(draw, random, side, float(radius), tuple(int(255 * c) for c in color))
    if random.random() < 0.3:
        image = image.filter(ImageFilter.GaussianBlur(random.uniform(0, 2.0)))
    pixels = _downsampled(np.asarray(image) / 255.0)
    return pixels * (1 + random.uniform(0.1, 1.2) * (spectral_noise(random, size) - 0.5))


def _draw_leaf(
    draw: ImageDraw.ImageDraw, random: np.random.Generator, side: int, radius: float, color: tuple[int, ...]
) -> None:
    x, y = random.uniform(-0.1, 1.1, 2) * side
    if random.random() < 0.5:
        aspect = random.uniform(0.5, 1)
        draw.ellipse((x - radius, y - radius * aspect, x + radius, y + radius * aspect), fill=color)
        return
    corners = int(random.integers(3, 7))
    angles = np.sort(random.uniform(0, 2 * np.pi, corners))
    draw.polygon([(x + radius * np.cos(a), y + radius * np.sin(a)) for a in angles], fill=color)


def spectral_noise(random: np.random.Generator, size: int) -> Floats:
    """Noise with a 1/f^a spectrum and correlated colours, contrast-stretched to about [0, 1]."""
    fy, fx = np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None]
    radius = np.hypot(fy * random.uniform(0.5, 2), fx)
    radius[0, 0] = np.inf
    shape = radius ** -random.uniform(0.6, 1.8)
    white = random.standard_normal((3, size, size // 2 + 1)) + 1j * random.standard_normal((3, size, size // 2 + 1))
    planes = np.fft.irfft2(white * shape, s=(size, size))
    planes /= planes.std(axis=(1, 2), keepdims=True) + 1e-9
    mix = np.eye(3) * random.uniform(0, 0.6) + random.standard_normal((3, 1)) * 0.2 + 0.6
    return np.einsum("ij,jhw->hwi", mix, planes) * random.uniform(0.08, 0.25) + random.random(3)


def weave(random: np.random.Generator, size: int) -> Floats:
    """Stripes, checks or dots in one colour on another, bent and shaded: cloth, fences, facades, lines of print."""
    side = size * SUPERSAMPLE
    y, x = np.mgrid[0 : 1 : side * 1j, 0 : 1 : side * 1j]
    angle = random.uniform(0, np.pi) if random.random() < 0.7 else 0.0
    along, across = np.cos(angle) * x + np.sin(angle) * y, np.cos(angle) * y - np.sin(angle) * x
    along = along + random.uniform(0, 0.03) * np.sin(2 * np.pi * (random.uniform(1, 4) * across + random.random()))
    cycles, share = 3 * 9 ** random.random(2), random.uniform(-0.6, 0.6, 2)
    warp, weft = np.sin(2 * np.pi * cycles[0] * along) > share[0], np.sin(2 * np.pi * cycles[1] * across) > share[1]
    pattern = (warp, warp ^ weft, warp & weft)[int(random.integers(3))]
    if random.random() < 0.7:
        (left, top), (width, height) = random.uniform(0, 0.5, 2), random.uniform(0.3, 1, 2)
        pattern = pattern & (x > left) & (x < left + width) & (y > top) & (y < top + height)
    inks = _palette(random, 2) if random.random() < 0.5 else random.random((2, 3))
    image = _downsampled(np.where(pattern[..., None], inks[0], inks[1]))
    return image * (1 + random.uniform(0, 0.6) * (spectral_noise(random, size) - 0.5))


def gradient(random: np.random.Generator, size: int) -> Floats:
    """A smooth colour ramp in a random direction."""
    y, x = np.mgrid[0 : 1 : size * 1j, 0 : 1 : size * 1j]
    angle = random.uniform(0, 2 * np.pi)
    ramp = (np.cos(angle) * x + np.sin(angle) * y) ** 2
    start, end = random.random((2, 3))
    return start + (end - start) * ramp[..., None]


def graphics(random: np.random.Generator, size: int) -> Floats:
    """Flat ground with strokes and bars: what text, cartoons and screenshots look like to a codec."""
    side = size * SUPERSAMPLE
    ground, *inks = (tuple(int(255 * c) for c in color) for color in _palette(random, 5))
    image = Image.new("RGB", (side, side), ground)
    draw = ImageDraw.Draw(image)
    for _ in range(int(random.integers(5, 50))):
        x, y, dx, dy = random.uniform(0, 1, 4) * side
        ink = inks[int(random.integers(len(inks)))]
        if random.random() < 0.5:
            draw.line((x, y, x + dx * 0.4, y + dy * 0.1), fill=ink, width=int(random.integers(1, 5)))
        else:
            draw.rectangle((x, y, x + dx * 0.3, y + dy * 0.1), fill=ink)
    return _downsampled(np.asarray(image) / 255.0)


def horizons(random: np.random.Generator, size: int) -> Floats:
    """A sky at dusk, a low sun with its glow, and ridges that fade with distance."""
    y, x = np.mgrid[0 : 1 : size * 1j, 0 : 1 : size * 1j]
    sky_low, sky_high, earth = _dusk_colors(random)
    horizon = random.uniform(0.5, 0.72)
    height = (y / horizon).clip(0, 1)[..., None] ** 1.4
    image = sky_high + (sky_low - sky_high) * height
    sun_x, sun_y, sun_r = random.uniform(0.15, 0.85), horizon * random.uniform(0.35, 0.9), random.uniform(0.05, 0.11)
    distance = np.hypot(x - sun_x, y - sun_y)
    image = image + np.exp(-distance / 0.22)[..., None] * np.array([0.45, 0.28, 0.12])
    disc = ((sun_r - distance) * size).clip(0, 1)[..., None]
    image = image * (1 - disc) + disc * np.array([1.0, 0.93, 0.75])
    layers = int(random.integers(3, 5))
    for layer in range(layers):
        near = (layer + 1) / layers
        top = horizon + 0.3 * near * (layer / layers) - _ridge(random, x[0], rough=near)
        cover = ((y - top[None]) * size).clip(0, 1)[..., None]
        color = sky_low * (1 - near) * 0.75 + earth * (0.45 + 0.3 * (1 - near))
        image = image * (1 - cover) + cover * color
    return image.clip(0, 1) * 0.94 + 0.03


def _dusk_colors(random: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    """Low sky, high sky and earth that go together: one hue turn per picture."""
    warm = random.random()
    sky_low = np.array([0.98, 0.55 + 0.25 * warm, 0.35 + 0.3 * (1 - warm)])
    sky_high = np.array([0.18 + 0.3 * random.random(), 0.25 + 0.2 * warm, 0.5 + 0.25 * random.random()])
    earth = np.array([0.2 + 0.25 * (1 - warm), 0.16 + 0.2 * warm, 0.34 + 0.12 * random.random()])
    return sky_low, sky_high, earth


def _ridge(random: np.random.Generator, x: Floats, rough: float) -> Floats:
    """A mountain line: octaves of sines, finer and rougher when near."""
    waves = np.zeros_like(x)
    for octave in range(4):
        phase, stretch = random.uniform(0, 2 * np.pi), random.uniform(0.7, 1.3)
        waves += np.sin(2 * np.pi * stretch * 2**octave * x + phase) / 2 ** (octave * (1.6 - 0.4 * rough))
    return 0.07 * waves * random.uniform(0.6, 1.2) + 0.05


def _graded(random: np.random.Generator, image: Floats) -> Floats:
    """Contrast, exposure and gamma as cameras and editors leave them."""
    contrast, shift, gamma = random.uniform(0.5, 1.4), random.uniform(-0.1, 0.1), random.uniform(0.7, 1.5)
    image = image + random.uniform(0.2, 0.9) * (image.mean(axis=2, keepdims=True) - image)  # less saturated
    return ((image - 0.5) * contrast + 0.5 + shift).clip(0, 1) ** gamma


def _palette(random: np.random.Generator, count: int) -> Floats:
    """Colours scattered around two anchors, so that a picture has a mood."""
    anchors = random.random((2, 3))
    spread = random.uniform(0.05, 0.35)
    return (anchors[random.integers(0, 2, count)] + spread * random.standard_normal((count, 3))).clip(0, 1)


def _downsampled(image: Floats) -> Floats:
    height, width, _ = image.shape
    blocks = image.reshape(height // SUPERSAMPLE, SUPERSAMPLE, width // SUPERSAMPLE, SUPERSAMPLE, 3)
    averaged: Floats = blocks.mean(axis=(1, 3))
    return averaged


def _bytes(image: Floats) -> Pixels:
    return np.rint(image.clip(0, 1) * 255).astype(np.uint8)


KINDS: dict[str, Callable[[np.random.Generator, int], Floats]] = {"photo-like": photo_like, "horizons": horizons}
