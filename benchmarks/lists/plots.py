"""The plot of the page about lists."""

from collections.abc import Mapping
from pathlib import Path

import matplotlib.pyplot as plt

from models.evaluation.figures import ListsReport, ListTable
from models.metrics.lists import LIST_NDCG


def plot_lists(by_order: Mapping[str, ListsReport], file: Path) -> None:
    """The nDCG against the number of support ratings, one panel per order and table. The evaluated model is bold."""
    tables: dict[str, ListTable] = {}
    for order, report in by_order.items():
        tables[f"whole catalogue, {order} order"] = report.catalogue
        if report.new_items is not None:
            tables[f"new items alone, {order} order"] = report.new_items
    figure, panels = plt.subplots(1, len(tables), figsize=(4 * len(tables), 4.5), layout="constrained", squeeze=False)
    for panel, (title, table) in zip(panels[0], tables.items(), strict=True):
        for contestant in table.contestants:
            estimates = [cell.measures[LIST_NDCG.name] for cell in contestant.by_size]
            bold = contestant is table.contestants[0]
            panel.plot(
                [estimate.value for estimate in estimates],
                label=contestant.name,
                linewidth=2.5 if bold else 1,
                marker="." if bold else None,
            )
        panel.set_title(title)
        panel.set_xticks(range(len(table.sizes)), [str(size) for size in table.sizes])
        panel.set_xlabel("support ratings")
        panel.grid(alpha=0.3)
        panel.legend(fontsize="small")
    panels[0, 0].set_ylabel(LIST_NDCG.title)
    figure.savefig(file, metadata={"Date": None})
    plt.close(figure)
