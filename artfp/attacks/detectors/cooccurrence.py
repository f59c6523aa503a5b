"""Residual co-occurrences: which small differences of neighbouring pixels come one after another, and together.

    image --three high-pass kernels, along rows and columns--> residuals --/ step, round, cut off--> -2 ... 2
          --triples along the line, triples of the colours--> frequencies, symmetrised

A small rich model: the truncated differences of SPAM (Pevny, Bas, Fridrich, IEEE TIFS 5, 2010, pages 215-224), the
residuals and several quantisers of SRM (Fridrich, Kodovsky, IEEE TIFS 7, 2012, pages 868-882), and the colour triples
of SCRM (Goljan, Fridrich, Cogranne, WIFS 2014), with triples in place of SRM's quadruples and without its minima and
maxima: 918 numbers, as many as a few hundred images of 64 pixels can fill.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from itertools import product

import numpy as np
from numpy.typing import NDArray

from artfp.attacks.adversary import Pixels
from artfp.statistics.exact import Floats

CUT = 2  # residuals beyond are as good as this
LEVELS = 2 * CUT + 1
STEPS = (1, 2, 4)  # of 255: marks of 38 dB are of about 3
LINES: tuple[tuple[int, ...], ...] = ((-1, 1), (1, -2, 1))  # along a row or a column
SQUARE = ((-1, 2, -1), (2, -4, 2), (-1, 2, -1))  # Ker and Boehme's
SUMS = (1, 2, 4)  # by which the three are divided, as in SRM

Ints = NDArray[np.int16]
Indices = NDArray[np.intp]


def features(pixels: Pixels) -> Floats:
    """N x d for images N x H x W x 3."""
    return np.stack([_of_image(image.astype(np.int16)) for image in pixels])


def _of_image(image: Ints) -> Floats:
    turned = image.transpose(1, 0, 2)
    found = []
    for (first, second), step in product(_residuals(image, turned), STEPS):
        (along_rows, divisor), (along_columns, _) = first, second
        levels = [quantised(residual, step * divisor) for residual in (along_rows, along_columns)]
        found += [_frequencies([along_line(each) for each in levels], line_classes())]
        found += [_frequencies([across_colours(each) for each in levels], colour_classes())]
    return np.concatenate(found)


def _residuals(image: Ints, turned: Ints) -> Iterator[tuple[tuple[Ints, int], tuple[Ints, int]]]:
    """Each kernel's residual along rows, and along columns turned to rows, with the kernel's divisor."""
    for line, divisor in zip(LINES, SUMS, strict=False):
        yield (_filtered(image, line), divisor), (_filtered(turned, line), divisor)
    yield (_squared(image), SUMS[-1]), (_squared(turned), SUMS[-1])


def _filtered(image: Ints, line: tuple[int, ...]) -> Ints:
    """Where the kernel fits wholly."""
    width = image.shape[1] - len(line) + 1
    found: Ints = sum(weight * image[:, place : place + width] for place, weight in enumerate(line))  # type: ignore[assignment]
    return found


def _squared(image: Ints) -> Ints:
    rows = [_filtered(image, row) for row in SQUARE]
    height = len(image) - 2
    return rows[0][:height] + rows[1][1 : height + 1] + rows[2][2:]


def quantised(residual: Ints, step: int) -> Indices:
    """Rounded to nearest multiples of the step, halves to even, and cut off; counted from 0."""
    return np.clip(np.rint(residual / step), -CUT, CUT).astype(np.intp) + CUT


def along_line(levels: Indices) -> Indices:
    """The code of each three that follow one another in a row, in each colour."""
    return _code(levels[:, :-2], levels[:, 1:-1], levels[:, 2:])


def across_colours(levels: Indices) -> Indices:
    """The code of the three colours of each place."""
    return _code(levels[..., 0], levels[..., 1], levels[..., 2])


def _code(first: Indices, second: Indices, third: Indices) -> Indices:
    return (first * LEVELS + second) * LEVELS + third


def _frequencies(codes: list[Indices], classes: Indices) -> Floats:
    counts = sum(np.bincount(classes[code].ravel(), minlength=int(classes.max()) + 1) for code in codes)
    total: Floats = np.asarray(counts, np.float64)
    return total / total.sum()


@functools.cache
def line_classes() -> Indices:
    """The class of each code, where a triple, its negative, and both read backwards are one."""
    return _classes(lambda triple: [triple, triple[::-1]])


@functools.cache
def colour_classes() -> Indices:
    """The class of each code, where a triple and its negative are one."""
    return _classes(lambda triple: [triple])


def _classes(alike: Callable[[tuple[int, ...]], list[tuple[int, ...]]]) -> Indices:
    triples = list(product(range(-CUT, CUT + 1), repeat=3))
    names = [min(each for one in alike(triple) for each in (one, tuple(-v for v in one))) for triple in triples]
    return np.unique(names, axis=0, return_inverse=True)[1].reshape(-1)
