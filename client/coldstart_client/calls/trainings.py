"""Calls about trainings."""

from coldstart_client.call import Call, path_of
from coldstart_client.methods import call, listing
from coldstart_client.models.answer import Page
from coldstart_client.models.trainings import Training, TrainingSummary


class TrainingCalls:
    """Calls about trainings."""

    @call
    def start_training(
        self,
        *,
        preset: str | None = None,
        epochs: int | None = None,
        seed: int | None = None,
        with_data_set: bool | None = None,
        activate: bool | None = None,
    ) -> Call[Training]:
        """Start the training of a new version on the service's database, and activate it if requested and better.

        Without a preset, it has the active version's. `get_training` shows the progress.
        """
        return Call(
            "POST",
            "/v1/trainings",
            Training,
            body={
                "preset": preset,
                "epochs": epochs,
                "seed": seed,
                "with_data_set": with_data_set,
                "activate": activate,
            },
        )

    @listing
    def list_trainings(self, *, limit: int | None = None, cursor: str | None = None) -> Call[Page[TrainingSummary]]:
        """All trainings, newest first, without their reports."""
        return Call("GET", "/v1/trainings", Page[TrainingSummary], query={"limit": limit, "cursor": cursor})

    @call
    def get_training(self, training_id: str) -> Call[Training]:
        """A training with its progress, and its report once it has succeeded."""
        return Call("GET", path_of("/v1/trainings/{}", training_id), Training)

    @call
    def cancel_training(self, training_id: str) -> Call[Training]:
        """Cancel a queued or running training. It stays in the list, and registers no version."""
        return Call("DELETE", path_of("/v1/trainings/{}", training_id), Training)
