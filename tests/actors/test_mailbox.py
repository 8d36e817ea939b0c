"""A mailbox is bounded, takes urgent first, and leaves no asker waiting for ever."""

import math
import random

import msgspec
import pytest
import trio
import trio.testing

from actors.mailbox import (
    Ask,
    Mailbox,
    MailboxClosed,
    MailboxError,
    MailboxFull,
    NoReply,
)


class Double(msgspec.Struct, Ask[int], frozen=True, kw_only=True, tag=True):
    number: int


async def outcome_of(mailbox, message, outcomes, urgent=False):
    """Ask, and keep the reply or the error's class in *outcomes*."""
    try:
        outcomes[message] = await mailbox.ask(message, urgent=urgent)
    except (NoReply, MailboxClosed) as exc:
        outcomes[message] = type(exc)


async def serve(mailbox):
    """Answer everything with its double, one by one."""
    while True:
        with await mailbox.receive() as request:
            request.reply(request.message * 2)


async def test_an_ask_brings_back_the_reply():
    mailbox = Mailbox("doubler", 10)
    async with trio.open_nursery() as tree:
        tree.start_soon(serve, mailbox)
        reply = await mailbox.ask(21)
        tree.cancel_scope.cancel()
    assert reply == 42


async def test_a_marked_struct_is_encoded_like_any_other():
    message = Double(number=21)
    data = msgspec.json.encode(message)
    assert data == b'{"type":"Double","number":21}'
    assert msgspec.json.decode(data, type=Double) == message


async def test_urgent_messages_are_taken_first_each_lane_in_order():
    mailbox = Mailbox("broker", 10)
    for message in ("place 1", "place 2", "place 3"):
        mailbox.tell(message)
    mailbox.tell("cancel 1", urgent=True)
    mailbox.tell("cancel 2", urgent=True)
    taken = [(await mailbox.receive()).message for _ in range(5)]
    assert taken == ["cancel 1", "cancel 2", "place 1", "place 2", "place 3"]


async def test_an_urgent_message_overtakes_while_the_receiver_wakes_up():
    mailbox = Mailbox("broker", 10)
    taken = []

    async def receive():
        taken.append((await mailbox.receive()).message)

    async with trio.open_nursery() as tree:
        tree.start_soon(receive)
        await trio.testing.wait_all_tasks_blocked()
        mailbox.tell("place")
        mailbox.tell("cancel", urgent=True)
    assert taken == ["cancel"]


async def test_a_full_lane_refuses_at_once_and_leaves_the_other_open():
    mailbox = Mailbox("broker", 2, urgent_capacity=1)
    mailbox.tell("place 1")
    mailbox.tell("place 2")
    with pytest.raises(MailboxFull, match=r"^broker holds 2 messages, its limit$"):
        await mailbox.ask("place 3")
    mailbox.tell("cancel 1", urgent=True)
    with pytest.raises(MailboxFull, match=r"^broker holds 1 urgent messages, its "):
        mailbox.tell("cancel 2", urgent=True)
    assert (mailbox.depth, mailbox.urgent_depth) == (2, 1)


async def test_what_was_taken_makes_room_before_it_is_answered():
    mailbox = Mailbox("broker", 1)
    mailbox.tell("place 1")
    mailbox.receive_nowait()
    mailbox.tell("place 2")
    assert mailbox.depth == 1


@pytest.mark.parametrize("lanes", [(0, 100), (10, 0)])
def test_a_lane_without_room_is_refused(lanes):
    with pytest.raises(ValueError, match="room for one message"):
        Mailbox("broker", lanes[0], urgent_capacity=lanes[1])


async def test_the_deadline_around_the_ask_travels_with_it(autojump_clock):
    mailbox = Mailbox("broker", 10)
    await trio.sleep(5)
    with trio.move_on_after(7) as patience:
        await mailbox.ask("place")
    request = mailbox.receive_nowait()
    assert request.deadline == 12
    assert patience.cancelled_caught
    assert trio.current_time() == 12
    assert request.expired


async def test_a_request_expires_at_its_deadline_and_not_before(autojump_clock):
    mailbox = Mailbox("broker", 10)
    async with trio.open_nursery() as tree:
        tree.cancel_scope.deadline = 7
        tree.start_soon(mailbox.ask, "place")
        request = await mailbox.receive()
        await trio.sleep(6.5)
        before = request.expired
        with trio.CancelScope(shield=True):  # outlives the asker by half a second
            await trio.sleep(0.5)
            at = request.expired
    assert (before, at) == (False, True)


async def test_without_a_deadline_a_request_never_expires():
    mailbox = Mailbox("broker", 10)
    mailbox.tell("place")
    request = mailbox.receive_nowait()
    assert request.deadline == math.inf
    assert not request.expired


async def test_a_cancelled_asker_leaves_the_request_marked_abandoned(autojump_clock):
    mailbox = Mailbox("broker", 10)
    with trio.move_on_after(1):
        await mailbox.ask("place")
    request = mailbox.receive_nowait()
    assert request.message == "place"
    assert request.abandoned


async def test_replying_to_an_asker_that_has_gone_is_no_error(autojump_clock):
    mailbox = Mailbox("broker", 10)
    with trio.move_on_after(1):
        await mailbox.ask("place")
    with mailbox.receive_nowait() as request:
        request.reply("accepted")
    assert request.abandoned


async def test_an_asker_cancelled_before_it_asks_queues_nothing():
    mailbox = Mailbox("broker", 10)
    with trio.CancelScope() as gone:
        gone.cancel()
        await mailbox.ask("place")
    assert mailbox.depth == 0


async def test_a_reply_given_in_the_moment_of_cancellation_still_arrives():
    mailbox = Mailbox("broker", 10)
    outcomes = {}
    async with trio.open_nursery() as tree:
        tree.start_soon(outcome_of, mailbox, "place", outcomes)
        request = await mailbox.receive()
        request.reply("accepted")
        tree.cancel_scope.cancel()
    assert outcomes == {"place": "accepted"}
    assert not request.abandoned


async def test_a_block_left_unanswered_wakes_the_asker_with_no_reply():
    mailbox = Mailbox("broker", 10)
    outcomes = {}
    async with trio.open_nursery() as tree:
        tree.start_soon(outcome_of, mailbox, "place", outcomes)
        with await mailbox.receive():
            pass
    assert outcomes == {"place": NoReply}


async def test_a_crash_while_handling_wakes_the_asker_and_goes_on_as_a_crash():
    mailbox = Mailbox("broker", 10)
    outcomes = {}
    async with trio.open_nursery() as tree:
        tree.start_soon(outcome_of, mailbox, "place", outcomes)
        with pytest.raises(ZeroDivisionError), await mailbox.receive() as request:
            request.reply(1 / 0)
    assert outcomes == {"place": NoReply}


async def test_no_reply_names_the_message_and_tells_nothing_of_its_content():
    mailbox = Mailbox("broker", 10)
    errors = []

    async def ask():
        with pytest.raises(NoReply) as caught:
            await mailbox.ask(Double(number=21))
        errors.append(str(caught.value))

    async with trio.open_nursery() as tree:
        tree.start_soon(ask)
        (await mailbox.receive()).drop()
    assert errors == ["Double was left unanswered"]


async def test_a_second_reply_is_a_bug():
    mailbox = Mailbox("broker", 10)
    outcomes = {}
    async with trio.open_nursery() as tree:
        tree.start_soon(outcome_of, mailbox, "place", outcomes)
        request = await mailbox.receive()
        request.reply("accepted")
        with pytest.raises(RuntimeError, match=r"^str is answered once, was already"):
            request.reply("rejected")
    assert outcomes == {"place": "accepted"}


async def test_replying_to_a_tell_goes_nowhere():
    mailbox = Mailbox("broker", 10)
    mailbox.tell("halt")
    with mailbox.receive_nowait() as request:
        request.reply("halted")
    mailbox.abandon_taken()
    assert not request.abandoned


async def test_what_an_incarnation_took_is_abandoned_and_what_is_queued_stays():
    mailbox = Mailbox("broker", 10)
    outcomes = {}
    async with trio.open_nursery() as tree:
        for message in (1, 2, 3, 4):
            tree.start_soon(outcome_of, mailbox, message, outcomes)
        await trio.testing.wait_all_tasks_blocked()
        answered, *taken = mailbox.drain(3)
        answered.reply("done")
        mailbox.abandon_taken()  # it crashed before any `with request:`
        mailbox.abandon_taken()
        await trio.testing.wait_all_tasks_blocked()
        after_the_crash = dict(outcomes)
        queued = mailbox.receive_nowait()
        queued.reply("done by the next")
    lost = {request.message: NoReply for request in taken}
    assert after_the_crash == {answered.message: "done"} | lost
    assert outcomes == after_the_crash | {queued.message: "done by the next"}


async def test_neither_tells_nor_answered_asks_pile_up_in_memory():
    mailbox = Mailbox("doubler", 10)
    async with trio.open_nursery() as tree:
        tree.start_soon(serve, mailbox)
        await mailbox.ask(21)
        tree.cancel_scope.cancel()
    mailbox.tell("tick")
    mailbox.receive_nowait()
    assert mailbox.in_hand == 0


async def test_a_batching_actor_drains_urgent_first_up_to_its_limit():
    mailbox = Mailbox("audit", 10)
    for number in range(4):
        mailbox.tell(number)
    mailbox.tell("halt", urgent=True)
    batches = [[r.message for r in mailbox.drain(3)] for _ in range(3)]
    assert batches == [["halt", 0, 1], [2, 3], []]


async def test_an_empty_mailbox_says_so_at_once():
    with pytest.raises(trio.WouldBlock):
        Mailbox("audit", 10).receive_nowait()


async def test_closing_ends_queued_asks_and_refuses_later_ones():
    mailbox = Mailbox("broker", 10)
    outcomes = {}
    async with trio.open_nursery() as tree:
        tree.start_soon(outcome_of, mailbox, "queued", outcomes)
        await trio.testing.wait_all_tasks_blocked()
        mailbox.close()
        tree.start_soon(outcome_of, mailbox, "late", outcomes)
    assert outcomes == {"queued": NoReply, "late": MailboxClosed}
    with pytest.raises(MailboxClosed, match=r"^broker is closed$"):
        mailbox.tell("late")
    assert mailbox.depth == 0


async def test_a_request_in_hand_may_be_answered_after_the_close():
    mailbox = Mailbox("broker", 10)
    outcomes = {}
    async with trio.open_nursery() as tree:
        tree.start_soon(outcome_of, mailbox, "place", outcomes)
        request = await mailbox.receive()
        mailbox.close()
        request.reply("accepted")
    assert outcomes == {"place": "accepted"}


async def test_a_receiver_of_a_closed_mailbox_does_not_wait_for_ever():
    mailbox = Mailbox("broker", 10)
    errors = []

    async def receive():
        with pytest.raises(MailboxClosed) as caught:
            await mailbox.receive()
        errors.append(str(caught.value))

    async with trio.open_nursery() as tree:
        tree.start_soon(receive)
        await trio.testing.wait_all_tasks_blocked()
        mailbox.close()
        tree.start_soon(receive)
    assert errors == ["broker is closed", "broker is closed"]


async def test_a_reopened_mailbox_takes_messages_again():
    mailbox = Mailbox("broker", 10)
    mailbox.close()
    mailbox.reopen()
    mailbox.tell("place")
    assert not mailbox.closed
    assert mailbox.depth == 1


async def test_a_receiver_whose_message_was_taken_by_another_waits_on():
    mailbox = Mailbox("broker", 10)
    taken = []

    async def receive():
        taken.append((await mailbox.receive()).message)

    async with trio.open_nursery() as tree:
        tree.start_soon(receive)
        await trio.testing.wait_all_tasks_blocked()
        mailbox.tell("place 1")
        mailbox.receive_nowait()
        await trio.testing.wait_all_tasks_blocked()
        mailbox.tell("place 2")
    assert taken == ["place 2"]


async def test_receiving_from_a_busy_mailbox_lets_others_run():
    mailbox = Mailbox("broker", 10)
    mailbox.tell("place")
    with trio.testing.assert_checkpoints():
        await mailbox.receive()


async def test_a_cancelled_receiver_takes_nothing_with_it():
    mailbox = Mailbox("broker", 10)
    mailbox.tell("place")
    with trio.CancelScope() as stopped:
        stopped.cancel()
        await mailbox.receive()
    assert mailbox.depth == 1


async def test_a_message_handed_to_a_receiver_outlives_its_cancellation():
    mailbox = Mailbox("broker", 10)
    taken = []

    async def receive():
        taken.append((await mailbox.receive()).message)

    async with trio.open_nursery() as tree:
        tree.start_soon(receive)
        await trio.testing.wait_all_tasks_blocked()
        mailbox.tell("place")
        tree.cancel_scope.cancel()
    assert len(taken) + mailbox.depth == 1


async def test_two_actors_that_ask_each_other_are_freed_by_the_deadline(autojump_clock):
    """Nothing else frees them: an ask must point one way, in building order."""
    left, right = Mailbox("left", 10), Mailbox("right", 10)

    async def forward(own, other):
        with await own.receive() as request:
            request.reply(await other.ask(request.message))

    async with trio.open_nursery() as tree:
        tree.start_soon(forward, left, right)
        tree.start_soon(forward, right, left)
        with trio.move_on_after(3) as patience:
            await left.ask("are you there?")
        tree.cancel_scope.cancel()
    assert patience.cancelled_caught
    assert trio.current_time() == 3


async def test_a_loop_with_child_tasks_hears_a_halt_behind_slow_orders(autojump_clock):
    mailbox = Mailbox("broker", 100)
    handled = []

    async def answer(request):
        with request:
            await trio.sleep(0 if request.message == "halt" else 30)
            handled.append((request.message, trio.current_time()))

    async def run():
        async with trio.open_nursery() as calls:
            while True:
                calls.start_soon(answer, await mailbox.receive())

    async with trio.open_nursery() as tree:
        tree.start_soon(run)
        for number in range(40):
            mailbox.tell(number)
        await trio.sleep(1)
        mailbox.tell("halt", urgent=True)
        await trio.sleep(1)
        tree.cancel_scope.cancel()
    assert handled == [("halt", 1)]


@pytest.mark.parametrize("seed", range(20))
async def test_random_traffic_keeps_order_bounds_and_every_request(seed):
    """Against a model of two lists: the same refusals, the same order, none lost."""
    rng = random.Random(seed)
    mailbox = Mailbox("broker", 5, urgent_capacity=3)
    urgent, normal, refused = [], [], []
    outcomes, expected = {}, {}
    async with trio.open_nursery() as tree:
        for number in range(400):
            lane, room, is_urgent = rng.choice([(urgent, 3, True), (normal, 5, False)])
            match rng.choice(["ask", "ask", "ask", "take", "drain", "crash"]):
                case "ask" if len(lane) == room:
                    with pytest.raises(MailboxFull):
                        mailbox.tell(number, urgent=is_urgent)
                    refused.append(number)
                case "ask":
                    tree.start_soon(outcome_of, mailbox, number, outcomes, is_urgent)
                    await trio.testing.wait_all_tasks_blocked()
                    lane.append(number)
                case "take" if urgent or normal:
                    message = (urgent or normal).pop(0)
                    with await mailbox.receive() as request:
                        assert request.message == message
                        request.reply(-message)
                    expected[message] = -message
                case "drain":
                    both, limit = urgent + normal, rng.randrange(4)
                    batch = mailbox.drain(limit)
                    assert [r.message for r in batch] == both[:limit]
                    for request in batch:
                        request.reply(-request.message)
                        expected[request.message] = -request.message
                        (urgent or normal).pop(0)
                case "crash" if urgent or normal:
                    expected[(urgent or normal).pop(0)] = NoReply
                    mailbox.receive_nowait()
                    mailbox.abandon_taken()
            assert (mailbox.urgent_depth, mailbox.depth) == (len(urgent), len(normal))
        mailbox.close()
    expected |= dict.fromkeys(urgent + normal, NoReply)
    assert outcomes == expected
    assert refused


async def test_a_mailbox_whose_actor_is_down_refuses_asks_and_keeps_tells():
    mailbox = Mailbox("writer", 10)
    ends = []

    async def ask(urgent):
        try:
            await mailbox.ask("asked", urgent=urgent)
        except MailboxError as error:
            ends.append(type(error))

    async with trio.open_nursery() as askers:
        askers.start_soon(ask, False)
        askers.start_soon(ask, True)
        await trio.testing.wait_all_tasks_blocked()
        mailbox.tell("told")
        mailbox.suspend()
    assert ends == [NoReply, NoReply]
    with pytest.raises(MailboxClosed, match="writer is being restarted"):
        await mailbox.ask("asked")
    mailbox.tell("told later")
    assert mailbox.waiting == ("told", "told later")
    mailbox.resume()
    assert mailbox.receive_nowait().message == "told"
    assert mailbox.taken == 1
