"""Every call of the API. Methods and arguments have the names of the OpenAPI document.

Every call raises a `ColdstartError` if it does not succeed. A list is fetched in pages of `limit`, from `cursor` on.
"""

from coldstart_client.calls.candidates import CandidateCalls
from coldstart_client.calls.evaluations import EvaluationCalls
from coldstart_client.calls.feedback import FeedbackCalls
from coldstart_client.calls.items import ItemCalls
from coldstart_client.calls.list_exports import ListExportCalls
from coldstart_client.calls.model_versions import ModelVersionCalls
from coldstart_client.calls.questions import QuestionCalls
from coldstart_client.calls.recommendations import RecommendationCalls
from coldstart_client.calls.scenarios import ScenarioCalls
from coldstart_client.calls.service import ServiceCalls
from coldstart_client.calls.trainings import TrainingCalls
from coldstart_client.calls.users import UserCalls


class Calls(
    UserCalls,
    FeedbackCalls,
    RecommendationCalls,
    ListExportCalls,
    CandidateCalls,
    QuestionCalls,
    ScenarioCalls,
    ItemCalls,
    EvaluationCalls,
    TrainingCalls,
    ModelVersionCalls,
    ServiceCalls,
):
    """The calls of `Client` and `AsyncClient`, without how they are sent."""
