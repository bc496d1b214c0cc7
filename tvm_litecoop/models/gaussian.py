"""Gaussian-process regression for a few dozen points: a mean and an uncertainty for each new one.

Squared-exponential kernel on the points, a linear trend in one number for each (what a rule of thumb expects), noise.
Length, noise and the weight of the trend are chosen from a short list by marginal likelihood (Rasmussen and Williams,
Gaussian Processes for Machine Learning, 2006, chapters 2 and 5).
"""

from __future__ import annotations

from itertools import product

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

LENGTHS = (1.5, 3.0, 6.0, 12.0)
NOISES = (0.02, 0.1, 0.3)  # variance, in units of the signal's
TRENDS = (0.0, 0.5, 1.0)  # weight of the expected value


class Gaussian:
    """A regression that is fitted when it is made.

    Args:
        points: Shape [n, d]; a step of 1 should matter about equally in every dimension.
        expected: Shape [n]; what a rule of thumb says of each point.
        values: Shape [n]; what was observed.
    """

    def __init__(self, points: Array, expected: Array, values: Array) -> None:
        self._points = points
        distances = _distances(points, points)
        best = -np.inf
        for length, noise in product(LENGTHS, NOISES):
            covariance = _kernel(distances, length) + noise * np.eye(len(values))
            inverse, determinant = np.linalg.inv(covariance), float(np.linalg.slogdet(covariance)[1])
            for trend in TRENDS:
                rest = values - trend * expected
                mean = float(rest.mean())
                weights = inverse @ (rest - mean)
                scale = max(float((rest - mean) @ weights) / len(values), 1e-9)
                likelihood = -0.5 * (len(values) * np.log(scale) + determinant)
                if likelihood > best:
                    best = likelihood
                    self._trend, self._length, self._mean = trend, length, mean
                    self._inverse, self._weights, self._scale = inverse, weights, scale

    def predict(self, points: Array, expected: Array) -> tuple[Array, Array]:
        """Mean and standard deviation at new points, each of shape [m]."""
        kernel = _kernel(_distances(points, self._points), self._length)
        mean = self._mean + self._trend * expected + kernel @ self._weights
        explained = ((kernel @ self._inverse) * kernel).sum(axis=1)
        return mean, np.sqrt(np.maximum(0.0, self._scale * (1.0 - explained)))


def _distances(a: Array, b: Array) -> Array:
    """Squared distances, shape [len(a), len(b)]."""
    squares = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1)[None] - 2.0 * a @ b.T
    return np.asarray(np.maximum(0.0, squares))


def _kernel(distances: Array, length: float) -> Array:
    return np.asarray(np.exp(-0.5 * distances / length**2))
