"""What an evaluation finds out: plain figures, all that its JSON file and its HTML page show."""

from pydantic import BaseModel, ConfigDict

from models.evaluation.config import EvaluationConfig


class _ReportPart(BaseModel):
    model_config = ConfigDict(frozen=True)


class Estimate(_ReportPart):
    """A mean over users with its bootstrap 95 % interval."""

    value: float
    low: float
    high: float


class PredictorReport(_ReportPart):
    """One predictor's figures in one state.

    By measure: `mae` of the median, which is the best decoding for it, `mae_of_mean`, `rmse` of the mean,
    `ndcg@3_linear` and so on, and `nll`, the negative log likelihood in nats, of those that predict a distribution.
    """

    name: str
    measures: dict[str, Estimate]


class PredictorCurve(_ReportPart):
    """One predictor's MAE at each point of a curve."""

    name: str
    mae: tuple[Estimate, ...]


class MAECurve(_ReportPart):
    """MAE as something grows, always of the same users.

    Attributes:
        points: What grows: the number of support ratings, or that of local steps.
        users: How many users are behind each figure.
        predictors: Curves, the evaluated model's first.
    """

    points: tuple[int, ...]
    users: int
    predictors: tuple[PredictorCurve, ...]


class UserGroup(_ReportPart):
    """Some users, and what is typical of them.

    Attributes:
        name: Which ones.
        users: How many.
        mae: Mean of their MAE.
        support_ratings: Mean number of ratings that the model adapts to.
        rating_mean: Mean of their mean ratings.
        rating_spread: Mean of the standard deviations of their ratings.
    """

    name: str
    users: int
    mae: float
    support_ratings: float
    rating_mean: float
    rating_spread: float


class UserErrors(_ReportPart):
    """How the evaluated model's MAE is distributed over users.

    Attributes:
        mae: Each user's, in the episodes' order.
        bin_width: Of the histogram.
        counts: Users in each bin, the first of which begins at 0.
        quantiles: By the share of users, in per cent, that are served better: 10, 25, 50, 75, 90, 95.
        groups: The tenth that is served worst, and all users.
    """

    mae: tuple[float, ...]
    bin_width: float
    counts: tuple[int, ...]
    quantiles: dict[int, float]
    groups: tuple[UserGroup, ...]


class CalibrationBin(_ReportPart):
    """Predictions of like size: their mean, the mean of what was observed, and how many there are."""

    predicted: float
    observed: float
    count: int


class ThresholdCalibration(_ReportPart):
    """The predicted probability of a rating of at least `threshold`, against the share of such ratings."""

    threshold: float
    bins: tuple[CalibrationBin, ...]


class Calibration(_ReportPart):
    """Whether the evaluated model's predictions are what happens.

    Attributes:
        ratings: Expected against observed ratings.
        thresholds: One for each rating but the lowest; none of models that predict no distribution.
    """

    ratings: tuple[CalibrationBin, ...]
    thresholds: tuple[ThresholdCalibration, ...]


class StateReport(_ReportPart):
    """One state's figures; a state without users has no predictors, and nothing of the rest.

    Attributes:
        state: Its label.
        users: Evaluated users.
        query_ratings: Predicted ratings.
        mean_support: Ratings that the model adapts to, mean over users.
        episodes_digest: SHA-256 of who is evaluated on which ratings: errors of two models can be compared user by user
            where it is the same.
        predictors: The evaluated model, itself without adaptation, the baselines.
        by_support: MAE against the number of support ratings.
        by_steps: MAE against the number of local steps; None of models that adapt in closed form.
        user_errors: Who is served how well.
        calibration: Of the evaluated model.
    """

    state: str
    users: int
    query_ratings: int
    mean_support: float
    episodes_digest: str | None = None
    predictors: tuple[PredictorReport, ...]
    by_support: MAECurve | None = None
    by_steps: MAECurve | None = None
    user_errors: UserErrors | None = None
    calibration: Calibration | None = None


class StrategyCurve(_ReportPart):
    """What one candidate strategy achieves after each number of questions.

    Attributes:
        name: Of the strategy.
        mae: Of the evaluated model, adapted to the answers.
        answers: How many of the questions were answered.
    """

    name: str
    mae: tuple[Estimate, ...]
    answers: tuple[Estimate, ...]


class Elicitation(_ReportPart):
    """Candidate strategies compared, on the same users.

    Attributes:
        state: The users' state.
        questions: Numbers of questions.
        users: How many users are asked.
        strategies: What each achieves.
    """

    state: str
    questions: tuple[int, ...]
    users: int
    strategies: tuple[StrategyCurve, ...]


class EvaluationReport(_ReportPart):
    """An evaluation's result.

    Attributes:
        model_version: The model that was evaluated.
        data: Name of the data set.
        config: What was asked for.
        notes: What a reader must know to judge the figures.
        states: One report a state.
        elicitation: Candidate strategies compared; None without new users.
    """

    model_version: str
    data: str
    config: EvaluationConfig
    notes: tuple[str, ...]
    states: tuple[StateReport, ...]
    elicitation: Elicitation | None = None
