"""A FastAPI service behind the middleware; it answers with the headers that it got. As a program for the tests:
ENGINE, ENGINE_KEY, LEASE and PORT are environment variables."""
import os, socket

import uvicorn
from fastapi import FastAPI, Request, WebSocket
from fastapi.responses import PlainTextResponse

from asgi import Revoked
from follower import Follower

app = FastAPI()
app.add_middleware(Revoked, preflight=os.environ.get("PREFLIGHT", "deny"), follower=Follower(
    os.environ.get("ENGINE", "http://127.0.0.1:7385"), os.environ["ENGINE_KEY"], float(os.environ.get("LEASE", "3"))))


@app.websocket("/socket")
async def echo(websocket: WebSocket):
    await websocket.accept()
    async for text in websocket.iter_text():
        await websocket.send_text(text)


@app.api_route("/{path:path}", methods=["GET", "POST", "OPTIONS"])
async def anything(request: Request):
    return PlainTextResponse("".join(f"{name}: {value}\r\n" for name, value in request.headers.items()))


if __name__ == "__main__":
    listener = socket.create_server(("127.0.0.1", int(os.environ.get("PORT", "3000"))))
    print("ready on", listener.getsockname()[1], flush=True)
    uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listener])
