"""The report of an evaluation: figures of each state and each predictor, which the service's docs/guide.md explains."""

from coldstart_client.models import Answer, EvaluationConfig


class Estimate(Answer):
    """A mean over users with its bootstrap 95 % interval."""

    value: float
    low: float
    high: float


class PredictorReport(Answer):
    """One predictor's figures in one state, by measure."""

    name: str
    measures: dict[str, Estimate]


class PredictorCurve(Answer):
    """One predictor's MAE at each point of a curve."""

    name: str
    mae: list[Estimate]


class MAECurve(Answer):
    """MAE as the number of support ratings or of local steps grows, always of the same users."""

    points: list[int]
    users: int
    predictors: list[PredictorCurve]


class UserGroup(Answer):
    """Some users, and the means of what is typical of them."""

    name: str
    users: int
    mae: float
    support_ratings: float
    rating_mean: float
    rating_spread: float


class UserErrors(Answer):
    """How the evaluated model's MAE is distributed over users; `quantiles` by per cent."""

    mae: list[float]
    bin_width: float
    counts: list[int]
    quantiles: dict[int, float]
    groups: list[UserGroup]


class CalibrationBin(Answer):
    """Predictions of like size: their mean, the mean of what was observed, and how many there are."""

    predicted: float
    observed: float
    count: int


class ThresholdCalibration(Answer):
    """The predicted probability of a rating of at least `threshold`, against the share of such ratings."""

    threshold: float
    bins: list[CalibrationBin]


class Calibration(Answer):
    """Whether the evaluated model's predictions are what happens."""

    ratings: list[CalibrationBin]
    thresholds: list[ThresholdCalibration]


class StateReport(Answer):
    """One state's figures; a state without users has no predictors, and nothing of the rest."""

    state: str
    users: int
    query_ratings: int
    mean_support: float
    episodes_digest: str | None
    predictors: list[PredictorReport]
    by_support: MAECurve | None
    by_steps: MAECurve | None
    user_errors: UserErrors | None
    calibration: Calibration | None


class StrategyCurve(Answer):
    """What one candidate strategy achieves after each number of questions."""

    name: str
    mae: list[Estimate]
    answers: list[Estimate]


class Elicitation(Answer):
    """Candidate strategies compared, on the same users."""

    state: str
    questions: list[int]
    users: int
    strategies: list[StrategyCurve]


class EvaluationReport(Answer):
    """An evaluation's result."""

    model_version: str
    data: str
    config: EvaluationConfig
    notes: list[str]
    states: list[StateReport]
    elicitation: Elicitation | None
