"""The part of a report about lists."""

from markupsafe import Markup

from app.reports.charts import Series, line_chart, linear_axis, places_axis
from models.evaluation.figures import ListsReport, ListTable
from models.metrics import measure_title
from models.metrics.lists import LIST_NDCG


class ListCharts:
    """The plots of a report about lists."""

    def __init__(self, lists: ListsReport) -> None:
        """Give each contestant its style, the same in both plots; the evaluated model's is the first."""
        tables = [table for table in (lists.catalogue, lists.new_items) if table is not None]
        names = dict.fromkeys(contestant.name for table in tables for contestant in table.contestants)
        self.styles = {name: style for style, name in enumerate(names)}

    def ndcg(self, title: str, table: ListTable) -> Markup:
        """The nDCG against the number of support ratings, with the interval of the evaluated model."""
        curves = {
            contestant.name: [cell.measures[LIST_NDCG.name] for cell in contestant.by_size]
            for contestant in table.contestants
        }
        evaluated = table.contestants[0].name
        series = [
            Series(
                name,
                self.styles[name],
                [(float(place), estimate.value) for place, estimate in enumerate(curve)],
                band=[estimate.ends for estimate in curve] if name == evaluated else (),
            )
            for name, curve in curves.items()
        ]
        ends = [max(estimate.ends) for curve in curves.values() for estimate in curve]
        return line_chart(
            f"{LIST_NDCG.title} against support ratings: {title}",
            series,
            places_axis([str(size) for size in table.sizes], "support ratings"),
            linear_axis([0.0, *ends], measure_title(LIST_NDCG.name)),
        )
