"""Shares of clients by an injected clock, who counts as a client, places, and the options that set them."""

from __future__ import annotations

import pytest

from artfp.errors import UsageError
from artfp.serve.clients import client_of
from artfp.serve.limits import Allowance, Gate, Rate
from artfp.serve.refusals import RefusalError, full, wrong
from artfp.serve.settings import Limits, Settings, is_loopback, network

PROXIES = (network("10.0.0.0/8"), network("::1"))


def spend(allowance: Allowance, client: str, images: int) -> float:
    """Seconds until this client may ask for so many; where that is now, he does."""
    wait = allowance.wait(client, images)
    if not wait:
        allowance.take(client, images)
    return wait


@pytest.fixture
def now() -> list[float]:
    return [0.0]


def test_a_share_refills_steadily_and_never_beyond_itself(now: list[float]) -> None:
    allowance = Allowance([Rate(10, 60)], lambda: now[0])
    assert spend(allowance, "a", 10) == 0
    assert allowance.wait("a", 1) == pytest.approx(6)
    assert spend(allowance, "a", 5) == pytest.approx(30)
    now[0] = 30
    assert spend(allowance, "a", 5) == 0
    assert spend(allowance, "a", 1) == pytest.approx(6)
    now[0] = 1e6
    assert spend(allowance, "a", 10) == 0
    assert spend(allowance, "a", 1) > 0


def test_of_two_rates_the_stricter_counts_and_clients_do_not_share(now: list[float]) -> None:
    allowance = Allowance([Rate(10, 60), Rate(15, 86_400)], lambda: now[0])
    assert spend(allowance, "a", 10) == 0
    now[0] = 60
    assert spend(allowance, "a", 10) == pytest.approx((5 - 15 * 60 / 86_400) * 86_400 / 15)
    assert spend(allowance, "b", 10) == 0


def test_over_a_day_no_client_gets_more_than_two_shares(now: list[float]) -> None:
    """The whole share at once, and what refills: of 24 hours of asking at every second."""
    allowance, granted = Allowance([Rate(120, 60), Rate(500, 86_400)], lambda: now[0]), 0
    for second in range(0, 86_400, 7):
        now[0] = float(second)
        granted += not spend(allowance, "a", 1)
    assert 990 <= granted <= 1000


def test_who_asked_longest_ago_is_forgotten(now: list[float]) -> None:
    allowance = Allowance([Rate(1, 60)], lambda: now[0], remembered=2)
    for client in ("a", "b", "a", "c"):
        spend(allowance, client, 1)
    assert allowance.wait("b", 1) > 0
    assert allowance.wait("a", 1) == 0
    assert len(allowance._known) == 2


def test_places_are_few_for_one_and_for_all_and_come_back(now: list[float]) -> None:
    gate = Gate(Limits(requests=3, requests_each=2), lambda: now[0])
    with gate.entered("a"), gate.entered("a"):
        with pytest.raises(RefusalError) as refused, gate.entered("a"):
            pass
        assert refused.value.status == 429
        with gate.entered("b"), pytest.raises(RefusalError) as refused, gate.entered("c"):
            pass
        assert refused.value.status == 503
    assert gate.inside == 0
    with gate.entered("a"), gate.entered("a"):
        assert gate.inside == 2


def test_who_is_let_in_pays_for_an_image_at_once_and_for_the_others_when_they_are_known(now: list[float]) -> None:
    gate = Gate(Limits(images=4, per_minute=4), lambda: now[0])
    for _ in range(3):
        with pytest.raises(RefusalError, match="torn"), gate.entered("a"):
            raise wrong("torn")
    with gate.entered("a") as visit, pytest.raises(RefusalError) as refused:
        visit.count(3)
    assert refused.value.retry_after == 45
    with pytest.raises(RefusalError) as refused, gate.entered("a"):
        pass
    assert refused.value.retry_after == 15


@pytest.mark.parametrize("error", [full("the worker died"), RuntimeError("inside")])
def test_what_the_server_failed_to_judge_costs_one_image(now: list[float], error: Exception) -> None:
    gate = Gate(Limits(images=4, per_minute=4), lambda: now[0])

    def fail() -> None:
        with gate.entered("a") as visit:
            visit.count(4)
            raise error

    with pytest.raises(type(error)):
        fail()
    with gate.entered("a") as visit:
        visit.count(3)


def test_large_images_are_paid_for_afterwards(now: list[float]) -> None:
    gate = Gate(Limits(images=4, per_minute=4), lambda: now[0])
    with gate.entered("a") as visit:
        visit.count(4)
        visit.settle(8)
    with pytest.raises(RefusalError) as refused, gate.entered("a"):
        pass
    assert refused.value.retry_after == 75


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("192.0.2.1", [], "192.0.2.1"),
        ("192.0.2.1", ["203.0.113.9"], "192.0.2.1"),  # no proxy of ours: what it says counts for nothing
        ("10.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", ["6.6.6.6, 203.0.113.9"], "203.0.113.9"),  # the client wrote the first himself
        ("10.0.0.1", ["6.6.6.6", "203.0.113.9, 10.0.0.2"], "203.0.113.9"),
        ("10.0.0.1", ["203.0.113.9, nonsense"], "10.0.0.1"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["10.0.0.7"], "10.0.0.7"),
        ("::1", ["[2001:db8:1:2:3::4]"], "2001:db8:1::/56"),
        ("2001:db8:1:2:ffff::1", [], "2001:db8:1::/56"),
        ("::ffff:192.0.2.1", [], "192.0.2.1"),
        (None, ["203.0.113.9"], "unknown"),
    ],
)
def test_a_client_is_who_cannot_be_made_up(peer: str | None, forwarded: list[str], client: str) -> None:
    assert client_of(peer, forwarded, PROXIES) == client


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"images": 0}, "images must be more than nothing"),
        ({"upload_seconds": -1.0}, "upload seconds must be"),
        ({"images": 2, "least_images": 3}, "no request can be both"),
        ({"images": 200}, "120 a minute"),
        ({"images": 100, "per_day": 99}, "99 a day"),
    ],
)
def test_limits_that_cannot_be_are_refused(fields: dict[str, float], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Limits(**fields)


def test_settings() -> None:
    assert Settings().is_local
    assert not Settings(host="0.0.0.0").is_local
    assert not Settings(proxies=PROXIES).is_local
    assert [is_loopback(host) for host in ("127.0.0.1", "::1", "localhost", "example.org")] == [True, True, True, False]
    with pytest.raises(UsageError, match="neither an address nor a network"):
        network("proxy.example")
