"""The shell's socket, in a thread of its own: its end, and opening it again."""

import pytest
import trio

from adapters.secret import Secret
from ordo.cli.client import Target
from ordo.cli.failure import Failure
from ordo.cli.shell.link import Ended, Link
from tests.ordo.http.serving import TOKEN, serving


def target(gateway):
    return Target(gateway.url, Secret(TOKEN), gateway.ca)


async def test_frames_go_over_and_answers_come_back(tmp_path):
    def talk():
        with Link(target(gateway)) as link:
            answers = link.ask({"do": "ask", "to": "router", "message": "GetFunds"})
            return link.hello["principal"], answers.next(10)["status"]

    async with serving(tmp_path) as gateway:
        found = await trio.to_thread.run_sync(talk)
    assert found == ("token:config", "success")


async def test_an_end_is_told_to_whoever_waits_and_it_is_opened_again():
    def watch(link):
        answers = link.ask({"do": "watch"})
        assert answers.next(10)["type"] == "Watching"
        return answers

    def wait(answers):
        try:
            while True:
                answers.next(10)
        except Ended as ended:
            return str(ended)

    async with serving() as gateway:
        link = Link(target(gateway))
        await trio.to_thread.run_sync(link.open)
        answers = await trio.to_thread.run_sync(watch, link)
        gateway.server.stop()
        words = await trio.to_thread.run_sync(wait, answers)
    assert words == "the console ended: Ordo stops"
    with pytest.raises(Ended):
        link.ask({"do": "ls"})
    with pytest.raises(Failure) as failure:
        link.open()
    assert failure.value.message.startswith("no Ordo answers at http://127.0.0.1:")
    link.close()


async def test_a_console_that_is_refused_says_why():
    def refused(token):
        with pytest.raises(Failure) as failure:
            Link(Target(gateway.url, token, None)).open()
        return failure.value.message

    async with serving() as gateway:
        nobody = await trio.to_thread.run_sync(refused, None)
        gateway.system.stopping = True
        stopping = await trio.to_thread.run_sync(refused, Secret(TOKEN))
        gateway.system.stopping = False
    assert nobody.endswith("does not accept the token; give another by --token")
    assert stopping == "Ordo is stopping (shutting_down)"
