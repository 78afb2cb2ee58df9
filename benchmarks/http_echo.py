"""A route with the models of `POST /v1/recommendations` that computes nothing: the cost of HTTP and JSON alone."""

import gc

from fastapi import FastAPI

from app.api.recommendations import Recommendation, RecommendationPage, VisitorRequest
from models.ranking.query import RankedBy

app = FastAPI()
gc.freeze()  # as the service does


@app.get("/health/ready")
async def get_readiness() -> None:
    """Answer once the server listens."""


@app.post("/v1/recommendations")
async def recommend(body: VisitorRequest) -> RecommendationPage:
    """Return as many items as were rated."""
    items = [
        Recommendation(
            item_id=rating.item_id,
            title="The Shawshank Redemption",
            predicted_rating=4.663149356842041,
            choice_probability=0.011932468223571777,
            like_probability=0.9395942091941833,
            rank=rank,
            model_version="coldstart-0123456789ab",
            because=None,
            unlike=None,
            attributes={},
        )
        for rank, rating in enumerate(body.ratings, start=1)
    ]
    return RecommendationPage(
        items=items,
        next_cursor="OIJaQVvoDrvBcrM6" * 4,
        model_version="coldstart-0123456789ab",
        ranked_by=RankedBy.CHOICE,
        recommendation_id="5d1c0a8e9b27f643",
    )
