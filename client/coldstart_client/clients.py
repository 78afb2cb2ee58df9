"""The two clients: every call of the API, and how it is sent."""

from coldstart_client.calls import Calls
from coldstart_client.sending import AsyncSender, Sender


class Client(Calls, Sender):
    """A client whose methods return answers; `Sender` describes its arguments. Several threads may use it.

    with Client("http://127.0.0.1:8000") as client:
        print(client.recommend(n=5).items)
    """


class AsyncClient(Calls, AsyncSender):
    """A client whose methods are awaited, on asyncio or trio; `AsyncSender` describes its arguments.

    async with AsyncClient("http://127.0.0.1:8000") as client:
        print((await client.recommend(n=5)).items)
    """
