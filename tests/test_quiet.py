import threading

from actmax_widget.live.quiet import Quiet


def in_thread(work):
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def test_quiet_is_when_nobody_works():
    with Quiet().quiet(0) as found:
        assert found


def test_it_waits_for_the_work_in_hand_and_nothing_begins_meanwhile():
    quiet, inside, leave, order = Quiet(), threading.Event(), threading.Event(), []

    def first():
        with quiet.work():
            inside.set()
            assert leave.wait(60)
            order.append("first")

    def second():
        with quiet.work():
            order.append("second")

    threads = [in_thread(first)]
    assert inside.wait(60)
    with quiet.quiet(0) as found:
        assert not found  # who does not wait has none
    wanted = threading.Thread(target=leave.set)
    wanted.start()
    with quiet.quiet(60) as found:
        assert found
        threads.append(in_thread(second))
        threads[-1].join(0.1)
        order.append("quiet")
    for thread in [*threads, wanted]:
        thread.join(60)
    assert order == ["first", "quiet", "second"]


def test_a_thread_does_not_wait_for_itself():
    quiet = Quiet()
    with quiet.work(), quiet.work(), quiet.quiet(0) as found:
        assert found
    with quiet.quiet(0) as found, quiet.quiet(0) as again:
        assert found
        assert again


def test_work_in_work_does_not_wait_for_whoever_waits_for_it():
    quiet, waits, done = Quiet(), threading.Event(), []

    def look():
        waits.set()
        with quiet.quiet(60) as found:
            done.append(found)

    with quiet.work():
        thread = in_thread(look)
        assert waits.wait(60)
        with quiet.work():
            pass
        assert done == []
    thread.join(60)
    assert done == [True]


def test_whoever_has_quiet_may_work_itself():
    quiet = Quiet()
    with quiet.quiet(0) as found, quiet.work():
        assert found


def test_an_end_without_a_beginning_is_nothing():
    quiet = Quiet()
    quiet.end()
    with quiet.quiet(0) as found:
        assert found
