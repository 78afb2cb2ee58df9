"""Evaluation reports for people: HTML with plots, each beside its numbers."""

from app.reports.page import comparison_body, report_body, report_page, stylesheet

__all__ = ["comparison_body", "report_body", "report_page", "stylesheet"]
