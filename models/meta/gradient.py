"""Learners that adapt the decision layers by gradient steps: MeLU and, by preset, its relatives."""

import torch
from torch import Tensor, nn

from models.estimator import PreferenceEstimator
from models.features import EncodedRows
from models.learner import Learner, Support
from models.local_update import Parameters, decide, gradient_norms, local_update
from models.meta.preset import LocalUpdateConfig, Rates


class GradientLearner(Learner[Parameters]):
    """MeLU (Lee et al., KDD 2019): global embedding layers, decision layers locally updated for each user.

    Attributes:
        log_rates: Logarithms of the local rates α, one tensor a parameter of the decision layers, learned with the
            rest where the preset says so: as logarithms, they stay positive.
        log_prior: Logarithm of the prior ratings c, learned likewise.
    """

    def __init__(self, estimator: PreferenceEstimator, config: LocalUpdateConfig) -> None:
        super().__init__()
        self.estimator = estimator
        self.config = config
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

    def embed_users(self, rows: EncodedRows) -> Tensor:
        """Embed users; float32 [rows, user width]."""
        return self.estimator.embed_users(rows)  # type: ignore[no-any-return]

    def embed_items(self, rows: EncodedRows) -> Tensor:
        """Embed items; float32 [rows, item width]."""
        return self.estimator.embed_items(rows)  # type: ignore[no-any-return]

    def adapt(self, support: Support, *, steps: int | None = None) -> Parameters:
        """Locally update the decision layers; returns θ2^i, each parameter [B, …]."""
        parameters: Parameters = dict(self.estimator.decision.named_parameters())
        rates = {name: log.exp() for name, log in zip(parameters, self.log_rates, strict=True)}
        users = support.users.unsqueeze(1).expand(-1, support.items.shape[1], -1)
        return local_update(
            self.estimator.decision,
            parameters,
            rates,
            inputs=torch.cat([users, support.items], dim=-1),
            ratings=support.ratings,
            mask=support.mask,
            prior_ratings=self.log_prior.exp(),
            steps=self.config.steps if steps is None else steps,
            second_order=self.config.second_order,
        )

    def predict(self, adapted: Parameters, users: Tensor, items: Tensor) -> Tensor:
        """Run each user's decision layers on the items; float32 [B, Q]."""
        return decide(self.estimator.decision, adapted, users, items)

    def gradient_norms(self, adapted: Parameters, users: Tensor, items: Tensor) -> Tensor:
        """Norms over the decision layers' parameters at each user's θ2^i; float32 [B, Q]."""
        return gradient_norms(self.estimator.decision, adapted, users, items)
