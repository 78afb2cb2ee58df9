"""The report of an evaluation, with the figures of each state and each predictor."""

from datetime import datetime

from pydantic import Field

from coldstart_client.models.answer import Answer
from coldstart_client.models.evaluations import EvaluationConfig


class Estimate(Answer):
    """An average over users with its bootstrap 95 % interval.

    `undefined_users` is how many users were left out, because the measure is undefined for them; 0 in reports that were
    written before this was counted.
    """

    value: float
    low: float | None
    high: float | None
    undefined_users: int = 0


class PredictorReport(Answer):
    """One predictor's figures in one state, by the name of the measure.

    `inequality` says how evenly the users are served: the mean MAE of the worst-served tenth (`worst_tenth`), and
    measures of inequality such as `gini`.
    """

    name: str
    measures: dict[str, Estimate]
    inequality: dict[str, Estimate] = Field(default_factory=dict)


class PredictorCurve(Answer):
    """One predictor's MAE at each point of a curve."""

    name: str
    mae: list[Estimate]


class MAECurve(Answer):
    """MAE against the number of support ratings or of local steps, on the same users at every point."""

    points: list[int]
    users: int
    predictors: list[PredictorCurve]


class UserGroup(Answer):
    """A group of users and the averages that describe it."""

    name: str
    users: int
    mae: float
    support_ratings: float
    rating_mean: float
    rating_spread: float


class UserErrors(Answer):
    """How the evaluated model's MAE is distributed over users; the keys of `quantiles` are per cent."""

    mae: list[float]
    bin_width: float
    counts: list[int]
    quantiles: dict[int, float]
    groups: list[UserGroup]


class CalibrationBin(Answer):
    """Predictions of similar size: their mean, the mean of the observations, and their number."""

    predicted: float
    observed: float
    count: int


class ThresholdCalibration(Answer):
    """The predicted probability of a rating of at least `threshold` against the observed share of such ratings."""

    threshold: float
    bins: list[CalibrationBin]


class Calibration(Answer):
    """How well the evaluated model's predictions agree with the observed ratings."""

    ratings: list[CalibrationBin]
    thresholds: list[ThresholdCalibration]


class StateReport(Answer):
    """The figures of one state. A state without users has no predictors, no curves and no details."""

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
    """The result of one candidate strategy after each number of questions."""

    name: str
    mae: list[Estimate]
    answers: list[Estimate]


class Elicitation(Answer):
    """Candidate strategies compared, on the same users."""

    state: str
    questions: list[int]
    users: int
    strategies: list[StrategyCurve]


class ListCell(Answer):
    """The lists of one contestant after one number of ratings, by the name of the measure.

    `differences` are the evaluated model less this contestant, paired by user; the model itself has none. `over_all`
    has the measures of the lists of all users together.
    """

    measures: dict[str, Estimate]
    differences: dict[str, Estimate]
    over_all: dict[str, float]


class ListContestant(Answer):
    """What ranks: the evaluated model or a baseline, with one cell for each number of ratings."""

    name: str
    by_size: list[ListCell]


class ListTable(Answer):
    """Lists of the same items for the same users, by several contestants. `relevant` is a mean over users."""

    sizes: list[int]
    users: int
    items: int
    relevant: float
    contestants: list[ListContestant]


class ListsReport(Answer):
    """How good the lists of new users are: of the whole catalogue, and of new items alone."""

    notes: list[str]
    catalogue: ListTable
    new_items: ListTable | None


class AttributeGroup(Answer):
    """The users who share a value of an attribute, or whose number is in the same quarter of the values."""

    name: str
    users: int
    measures: dict[str, Estimate]


class GroupGap(Answer):
    """How much worse a measure is for the worst group than for the best one.

    `chance` is the share of random divisions into groups of the same sizes that have as large a gap.
    """

    worst: str
    best: str
    gap: Estimate
    chance: float


class Counterfactual(Answer):
    """What changes for a user when only one attribute changes."""

    rating_change: Estimate
    shared_items: Estimate


class AttributeGroups(Answer):
    """How much an attribute of the users matters. `gaps` are by the name of the measure."""

    attribute: str
    groups: list[AttributeGroup]
    small_groups: int
    small_group_users: int
    gaps: dict[str, GroupGap]
    with_support: Counterfactual | None
    without_support: Counterfactual | None


class GroupDifferences(Answer):
    """Differences between groups of new users. Groups with fewer than `least_users` users are left out."""

    state: str
    users: int
    changed_users: int
    least_users: int
    attributes: list[AttributeGroups]


class EvaluationReport(Answer):
    """The result of an evaluation."""

    model_version: str
    twin_of: str | None
    data: str
    config: EvaluationConfig
    notes: list[str]
    decoding: str = ""
    states: list[StateReport]
    elicitation: Elicitation | None
    lists: ListsReport | None
    group_differences: GroupDifferences | None = None
    made_at: datetime | None
