"""What is uncertain about users, and how much of it an answer removes."""

from typing import Self

import numpy as np
from numpy.typing import NDArray

_TINY = 1e-12
"""Numerical tolerance: it keeps a division by 0 finite."""

_LEAST_NOISE = 1e-6
"""Numerical tolerance of float32: it keeps the logarithm of a ratio of variances finite."""


class Uncertainty:
    """The covariance C of L ratings or other answers of each of B users, and the effect of questions on it."""

    def __init__(
        self, covariance: NDArray[np.float32], noise: NDArray[np.float32], weights: NDArray[np.float64]
    ) -> None:
        """Keep the state.

        Args:
            covariance: float32 [B, L, L], without the noise of answers.
            noise: float32 [B, L], the variance of an answer that nothing explains.
            weights: float64 [B, L], how much the variance of each counts.
        """
        self._covariance = covariance
        self._noise = noise
        self._weights = (weights / np.maximum(weights.sum(axis=1, keepdims=True), _TINY)).astype(np.float32)
        self._total = (self._weights * self._variances()).sum(axis=1, keepdims=True)
        possible_gains = np.log1p(self._variances() / np.maximum(noise, _LEAST_NOISE))
        self._possible_gain = (self._weights * possible_gains).sum(axis=1, keepdims=True)

    @classmethod
    def after(
        cls,
        answered: NDArray[np.float32],
        answered_noise: NDArray[np.float32],
        features: NDArray[np.float32],
        noise: NDArray[np.float32],
        weights: NDArray[np.float64],
    ) -> Self:
        """The posterior covariance of a Bayesian last layer, `Φ Φᵀ − Φ Φ_aᵀ (Φ_a Φ_aᵀ + diag(σ_a²))⁻¹ Φ_a Φᵀ`.

        Args:
            answered: float32 [B, N, features], of what was answered, Φ_a; 0 where there is padding.
            answered_noise: float32 [B, N], σ_a².
            features: float32 [B, L, features], Φ.
            noise: float32 [B, L].
            weights: float64 [B, L].
        """
        between = features @ answered.swapaxes(1, 2)
        variances = answered_noise[..., None] * np.eye(answered.shape[1], dtype=np.float32)
        explained = between @ np.linalg.solve(answered @ answered.swapaxes(1, 2) + variances, between.swapaxes(1, 2))
        return cls(features @ features.swapaxes(1, 2) - explained, noise, weights)

    def removed_shares(self) -> NDArray[np.float32]:
        """The share of the initial mean variance that each answer would remove; float32 [B, L]."""
        explained = (self._weights[:, None] @ np.square(self._covariance))[:, 0]
        return np.asarray(explained / (self._variances() + self._noise) / np.maximum(self._total, _TINY))

    def gained_shares(self) -> NDArray[np.float32]:
        """The share of the initially possible gain that each answer would bring; float32 [B, L].

        `models.elicitation.expected_gain` has the formula.
        """
        totals = self._variances() + np.maximum(self._noise, _LEAST_NOISE)
        # [B, j, t]: of the variance of an answer about t, what an answer about j explains.
        explained = np.square(self._covariance) / (totals[:, :, None] * totals[:, None, :])
        gains = -(np.log1p(-explained.clip(max=1 - _LEAST_NOISE)) @ self._weights[..., None])[..., 0]
        return np.asarray(gains / np.maximum(self._possible_gain, _TINY))

    def expect_answers(self, columns: NDArray[np.int64], chances: NDArray[np.float64]) -> None:
        """Lower C by the expected effect of one question to each user, answered with these probabilities."""
        users = np.arange(len(columns))
        column = self._covariance[users, :, columns]
        shares = chances / (self._variances() + self._noise)[users, columns]
        self._covariance -= shares.astype(np.float32)[:, None, None] * column[:, :, None] * column[:, None, :]

    def _variances(self) -> NDArray[np.float32]:
        return np.diagonal(self._covariance, axis1=1, axis2=2)
