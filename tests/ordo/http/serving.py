"""A gateway that listens on a real socket, for tests of what HTTP itself does."""

import ssl
from contextlib import asynccontextmanager

import httpx
import msgspec
import trio

from adapters.secret import Secret
from ordo import tls
from ordo.config.sections import Server
from ordo.http.server import HttpServer
from ordo.tokens import TokenBook
from tests.support.gateway import make_paper, make_system, running

TOKEN = "a-token-for-tests"
AUTH = {"Authorization": f"Bearer {TOKEN}"}


class Serving:
    """A gateway that listens, and its broker."""

    def __init__(self, url, paper, system, server, ca):
        self.url, self.paper, self.system = url, paper, system
        self.server, self.ca = server, ca

    def client(self, **more):
        verify = ssl.create_default_context(cafile=self.ca) if self.ca else False
        settings = {"base_url": self.url, "headers": AUTH, "trust_env": False}
        return httpx.AsyncClient(**settings, verify=verify, **more)

    def sent(self):
        return [entry.tag for entry in self.paper._account.book.entries.values()]


@asynccontextmanager
async def serving(directory=None):
    """A gateway over one paper broker; with TLS of our own where *directory* is one."""
    paper = make_paper()
    system = make_system({"one": paper})
    system.tokens = TokenBook(directory or "/nonexistent/x", Secret(TOKEN))
    system.settings = msgspec.structs.replace(
        system.settings, server=Server(drain_timeout=5)
    )
    files = directory and tls.ensure(directory, "127.0.0.1")
    urls = []
    server = HttpServer(
        system,
        "127.0.0.1:0",
        cert=files and files.cert,
        key=files and files.key,
        client_ca=None,
        ready=urls.append,
    )
    async with running(system), trio.open_nursery() as listening:
        await listening.start(server.run)
        yield Serving(urls[0], paper, system, server, files and files.ca)
        server.stop()
