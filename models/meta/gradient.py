"""Learners that adapt the decision layers by gradient steps: MeLU and, by preset, its relatives."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.collaborative_inputs import CollaborativeInputs
from models.data.dataset import Dataset
from models.estimator import PreferenceEstimator
from models.features import EncodedRows
from models.heads.base import Head, Latent, Predictions, SupportSummary
from models.learner import Learner, Support
from models.local_update import Parameters, decide, gradient_norms, local_update
from models.meta.preset import LocalUpdateConfig, Rates


@dataclass(frozen=True)
class AdaptedLayers:
    """The decision layers of B users, after their support sets.

    Attributes:
        parameters: θ2^i, each [B, …].
        summary: Of the support set, for the head.
    """

    parameters: Parameters
    summary: SupportSummary


class GradientLearner(Learner[AdaptedLayers]):
    """MeLU (Lee et al., KDD 2019): global embedding layers, decision layers locally updated for each user.

    An item's vector is its bias and its inputs: embedded fields and, where the preset asks for them, collaborative
    inputs. The decision layers predict what is left of a rating after the bias, which is 0 without those.

    Attributes:
        log_rates: Logarithms of the local rates α, one tensor a parameter of the decision layers, learned with the
            rest where the preset says so: as logarithms, they stay positive.
        log_prior: Logarithm of the prior ratings c, learned likewise.
    """

    def __init__(
        self,
        estimator: PreferenceEstimator,
        config: LocalUpdateConfig,
        head: Head,
        reception: CollaborativeInputs | None = None,
    ) -> None:
        super().__init__()
        self.estimator = estimator
        self.config = config
        self.head = head
        self.reception = reception
        learned = config.rates is Rates.LEARNED
        start = torch.tensor(config.rate).log()
        # A module's parameters must not have dots in their names; the order is that of the decision layers.
        self.log_rates = nn.ParameterList(
            nn.Parameter(start.expand_as(parameter).clone(), requires_grad=learned)
            for parameter in estimator.decision.parameters()
        )
        self.log_prior = nn.Parameter(
            torch.tensor(config.prior_ratings).log(), requires_grad=learned and config.prior_ratings > 0
        )

    def fit_statistics(self, dataset: Dataset, training: NDArray[np.bool_], items: EncodedRows) -> None:
        """Estimate the collaborative inputs and what the head takes as given."""
        self.head.fit_statistics(dataset.ratings.values[training])
        if self.reception is not None:
            self.reception.fit(dataset, training, items)

    def embed_users(self, rows: EncodedRows) -> Tensor:
        """Embed users; float32 [rows, user width]."""
        return self.estimator.embed_users(rows)  # type: ignore[no-any-return]

    def embed_items(self, rows: EncodedRows, *, pretend_new: torch.Generator | None = None) -> Tensor:
        """Biases and inputs; float32 [rows, 1 + item width]."""
        fields = self.estimator.embed_items(rows)
        if self.reception is None:
            return torch.cat([fields.new_zeros(len(rows), 1), fields], dim=-1)
        reception = self.reception(rows, pretend_new=pretend_new)
        return torch.cat([reception.biases.unsqueeze(-1), fields, reception.inputs], dim=-1)

    def adapt(self, support: Support, *, steps: int | None = None) -> AdaptedLayers:
        """Locally update the decision layers of B users."""
        steps = self.config.steps if steps is None else steps
        parameters: Parameters = dict(self.estimator.decision.named_parameters())
        rates = {name: log.exp() for name, log in zip(parameters, self.log_rates, strict=True)}
        mask = support.mask if steps else torch.zeros_like(support.mask)
        biases, items = support.items[..., 0], support.items[..., 1:]
        users = support.users.unsqueeze(1).expand(-1, items.shape[1], -1)
        inputs = torch.cat([users, items], dim=-1)
        targets = support.ratings - biases
        adapted = local_update(
            self.estimator.decision,
            parameters,
            rates,
            inputs=inputs,
            ratings=targets,
            mask=mask,
            prior_ratings=self.log_prior.exp(),
            steps=steps,
            second_order=self.config.second_order,
        )
        residuals = targets - self.estimator.decision(inputs)
        # Leaving each rating out would take as many local updates; before any, all of them are left out.
        return AdaptedLayers(adapted, SupportSummary(support.ratings, residuals, residuals, mask))

    def predict(self, adapted: AdaptedLayers, users: Tensor, items: Tensor) -> Predictions:
        """Run each user's decision layers on the items, and read the result as ratings."""
        return self.head.predict(self._latent(adapted, users, items), adapted.summary)

    def loss(self, adapted: AdaptedLayers, users: Tensor, items: Tensor, ratings: Tensor) -> Tensor:
        """The head's loss; float32 [B, Q]."""
        return self.head.loss(self._latent(adapted, users, items), adapted.summary, ratings)

    def gradient_norms(self, adapted: AdaptedLayers, users: Tensor, items: Tensor) -> Tensor:
        """Norms over the decision layers' parameters at each user's θ2^i; float32 [B, Q]."""
        return gradient_norms(self.estimator.decision, adapted.parameters, users, items[..., 1:])

    def _latent(self, adapted: AdaptedLayers, users: Tensor, items: Tensor) -> Latent:
        mean = items[..., 0] + decide(self.estimator.decision, adapted.parameters, users, items[..., 1:])
        return Latent(mean, torch.zeros_like(mean))
