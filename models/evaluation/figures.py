"""The result of an evaluation: the figures that its JSON file and its HTML page show."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from models.evaluation.config import EvaluationConfig


class ReportPart(BaseModel):
    """Base of all parts of a report."""

    model_config = ConfigDict(frozen=True)


class Estimate(ReportPart):
    """An average over users with its bootstrap 95 % interval.

    Attributes:
        value: The average.
        low: The lower end of the interval; None for a single user: one value has no interval.
        high: The upper end of the interval, or None.
        undefined_users: How many users were left out of the average, because the measure is undefined for them. 0 in
            reports that were written before this was counted.
    """

    value: float
    low: float | None
    high: float | None
    undefined_users: int = 0

    @property
    def has_interval(self) -> bool:
        """Whether it averages over two users or more."""
        return self.low is not None and self.high is not None

    @property
    def ends(self) -> tuple[float, float]:
        """Both ends of the interval; where there is none, both are the value, so that a plot shows the value alone."""
        return (
            self.value if self.low is None else self.low,
            self.value if self.high is None else self.high,
        )


class ComparedMeasure(ReportPart):
    """One measure of two versions, averaged over users.

    Attributes:
        new: The measure of the new version.
        active: The measure of the active version.
        difference: new − active, paired by user, with its bootstrap 95 % interval.
    """

    new: float
    active: float
    difference: Estimate


class PredictorReport(ReportPart):
    """One predictor's figures in one state.

    Attributes:
        name: The predictor.
        measures: By the names in `models.metrics.MEASURES`. A measure that is undefined for all users is missing, such
            as `nll` where the predictor predicts no distribution.
        inequality: How unequal the users' MAE is: the mean of the worst-served tenth (`worst_tenth`), and the measures
            of inequality by the names in `models.metrics.INEQUALITIES`. Empty in reports of older releases.
    """

    name: str
    measures: dict[str, Estimate]
    inequality: dict[str, Estimate] = {}


class PredictorCurve(ReportPart):
    """One predictor's MAE at each point of a curve."""

    name: str
    mae: tuple[Estimate, ...]


class MAECurve(ReportPart):
    """MAE against the number of support ratings or of local steps, on the same users at every point.

    Attributes:
        points: The numbers of support ratings or local steps.
        users: How many users each figure averages over.
        predictors: One curve per predictor, the evaluated model's first.
    """

    points: tuple[int, ...]
    users: int
    predictors: tuple[PredictorCurve, ...]


class UserGroup(ReportPart):
    """A group of users and the averages that describe it.

    Attributes:
        name: The name of the group.
        users: How many users it has.
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


class UserErrors(ReportPart):
    """How the evaluated model's MAE is distributed over users.

    Attributes:
        mae: Each user's MAE, in the order of the episodes.
        bin_width: The width of the histogram's bins, in rating points.
        counts: Users in each bin; the first bin begins at 0.
        quantiles: Quantiles of the users' MAE, by per cent: 10, 25, 50, 75, 90, 95.
        groups: The tenth of the users with the largest MAE, and all users.
    """

    mae: tuple[float, ...]
    bin_width: float
    counts: tuple[int, ...]
    quantiles: dict[int, float]
    groups: tuple[UserGroup, ...]


class CalibrationBin(ReportPart):
    """Predictions of similar size: their mean, the mean of the observations, and their number."""

    predicted: float
    observed: float
    count: int


class ThresholdCalibration(ReportPart):
    """The predicted probability of a rating of at least `threshold` against the observed share of such ratings."""

    threshold: float
    bins: tuple[CalibrationBin, ...]


class Calibration(ReportPart):
    """How well the evaluated model's predictions agree with the observed ratings.

    Attributes:
        ratings: Expected against observed ratings.
        thresholds: One per rating level above the lowest, or nine of a scale with many levels; empty if the model
            predicts no distribution.
    """

    ratings: tuple[CalibrationBin, ...]
    thresholds: tuple[ThresholdCalibration, ...]


class StateReport(ReportPart):
    """The figures of one state. A state without users has no predictors, no curves and no details.

    Attributes:
        state: The label of the state.
        users: How many users were evaluated.
        query_ratings: How many ratings were predicted.
        mean_support: Ratings that the model adapts to, mean over users.
        episodes_digest: SHA-256 of the users and of their support and query items. Where two reports have the same
            digest, their errors can be compared user by user.
        predictors: The evaluated model, the same model without adaptation, and the baselines.
        by_support: MAE against the number of support ratings.
        by_steps: MAE against the number of local steps; None for models that adapt in closed form.
        user_errors: How the errors are distributed over users.
        calibration: The calibration of the evaluated model.
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


class StrategyCurve(ReportPart):
    """The result of one candidate strategy after each number of questions.

    Attributes:
        name: The strategy.
        mae: The MAE of the evaluated model after adapting to the answers.
        answers: How many of the questions were answered.
    """

    name: str
    mae: tuple[Estimate, ...]
    answers: tuple[Estimate, ...]


class Elicitation(ReportPart):
    """Candidate strategies compared, on the same users.

    Attributes:
        state: The state of the users.
        questions: The numbers of questions.
        users: How many users are asked.
        strategies: One curve per strategy.
    """

    state: str
    questions: tuple[int, ...]
    users: int
    strategies: tuple[StrategyCurve, ...]


class AttributeGroup(ReportPart):
    """The users who share a value of an attribute, or whose value is in the same quarter of a number's values.

    Attributes:
        name: The value, or the range of values.
        users: How many users the group has.
        measures: The averages over the group, by the names in `models.metrics.MEASURES`.
    """

    name: str
    users: int
    measures: dict[str, Estimate]


class GroupGap(ReportPart):
    """The largest difference of a measure between two groups.

    Attributes:
        worst: The group with the worst average.
        best: The group with the best average.
        gap: How much worse it is. The interval is that of the difference between these two groups.
        chance: Share of random divisions of the same users into groups of the same sizes that have as large a gap. The
            largest of several gaps is above 0 even where groups do not matter; this says whether it is more than that.
    """

    worst: str
    best: str
    gap: Estimate
    chance: float


class Counterfactual(ReportPart):
    """What changes for a user when only one attribute changes.

    Attributes:
        rating_change: Mean absolute change of the predicted expected rating, in rating points.
        shared_items: Share of the items of the top 10 that stay in it.
    """

    rating_change: Estimate
    shared_items: Estimate


class AttributeGroups(ReportPart):
    """How much an attribute of the users matters.

    Attributes:
        attribute: The name of the attribute.
        groups: The groups that are large enough to compare.
        small_groups: How many groups are left out, because they have too few users.
        small_group_users: How many users these groups have.
        gaps: The largest gap by the measure's name; empty if there are fewer than two groups.
        with_support: What changes with the attribute, with all support ratings; None if all users have the same value.
        without_support: Likewise, without any rating.
    """

    attribute: str
    groups: tuple[AttributeGroup, ...]
    small_groups: int
    small_group_users: int
    gaps: dict[str, GroupGap]
    with_support: Counterfactual | None = None
    without_support: Counterfactual | None = None


class GroupDifferences(ReportPart):
    """Differences of the evaluated model between groups of users.

    Attributes:
        state: The state of the users.
        users: How many users there are.
        changed_users: For how many of them attributes were changed, each to the value of another user.
        least_users: A group with fewer users is left out.
        attributes: One entry for each categorical or numeric attribute of the users.
    """

    state: str
    users: int
    changed_users: int
    least_users: int
    attributes: tuple[AttributeGroups, ...]


class ListCell(ReportPart):
    """The lists of one contestant at one support size.

    Attributes:
        measures: By the names in `models.metrics.lists.LIST_MEASURES`. A measure that is undefined for all users is
            missing.
        differences: Likewise, the evaluated model less this contestant, paired by user. Empty for the model itself.
        over_all: By the names in `models.metrics.lists.ALL_LISTS_MEASURES`, the values for the lists of all users.
    """

    measures: dict[str, Estimate]
    differences: dict[str, Estimate]
    over_all: dict[str, float]


class ListContestant(ReportPart):
    """What ranks: the evaluated model or a baseline, with one cell for each support size."""

    name: str
    by_size: tuple[ListCell, ...]


class ListTable(ReportPart):
    """Lists of the same items for the same users, by several contestants and after several numbers of ratings.

    Attributes:
        sizes: The support sizes.
        users: How many users there are.
        items: How many items are ranked, the support's among them.
        relevant: How many of them are relevant to a user, mean over users.
        contestants: The evaluated model first.
    """

    sizes: tuple[int, ...]
    users: int
    items: int
    relevant: float
    contestants: tuple[ListContestant, ...]


class ListsReport(ReportPart):
    """How good the lists of new users are.

    Attributes:
        notes: What is left out, and why.
        catalogue: Lists of the whole catalogue.
        new_items: Lists of new items alone; None if no user has a relevant one.
    """

    notes: tuple[str, ...]
    catalogue: ListTable
    new_items: ListTable | None


class EvaluationReport(ReportPart):
    """The result of an evaluation.

    Attributes:
        model_version: The model that was evaluated.
        twin_of: The served model whose research twin was evaluated; None if the model is no twin.
        data: The name of the data set.
        config: The settings of the evaluation.
        notes: What a reader must know to judge the figures.
        decoding: How predictions are decoded for each measure, the same for all predictors; empty in reports of
            releases that decoded them differently.
        states: One report per state.
        elicitation: The comparison of candidate strategies; None without new users.
        lists: How good lists are; None without new users, and if the state `user_cold` is not evaluated.
        group_differences: Differences between groups of new users; None without new users, without attributes of users,
            and in reports of older releases.
        made_at: When a job of the service made it; None for other reports.
    """

    model_version: str
    twin_of: str | None = None
    data: str
    config: EvaluationConfig
    notes: tuple[str, ...]
    decoding: str = ""
    states: tuple[StateReport, ...]
    elicitation: Elicitation | None = None
    lists: ListsReport | None = None
    group_differences: GroupDifferences | None = None
    made_at: datetime | None = None
