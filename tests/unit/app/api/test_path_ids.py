from urllib.parse import unquote

from fastapi.routing import iter_route_contexts

from app.main import create_app
from app.settings import Settings
from app.storage.tables import ID_LENGTH
from models.data.ids import MAX_ID_LENGTH


def test_every_route_decodes_the_ids_in_its_path() -> None:
    routes = [context.original_route for context in iter_route_contexts(create_app(Settings()).routes)]
    parameters = [
        (getattr(route, "path", ""), parameter)
        for route in routes
        for parameter in getattr(getattr(route, "dependant", None), "path_params", ())
    ]
    assert len(parameters) > 15
    for path, parameter in parameters:
        functions = [getattr(each, "func", None) for each in parameter.field_info.metadata]
        assert unquote in functions, f"{path}: {parameter.name} needs the type PathId"


def test_database_has_room_for_every_id() -> None:
    assert ID_LENGTH == MAX_ID_LENGTH
