"""The offline evaluation: its protocol, its settings and its report."""

from models.evaluation.config import EvaluationConfig
from models.evaluation.figures import Estimate, EvaluationReport, PredictorReport, StateReport
from models.evaluation.protocol import evaluate

__all__ = ["Estimate", "EvaluationConfig", "EvaluationReport", "PredictorReport", "StateReport", "evaluate"]
