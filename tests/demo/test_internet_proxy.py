"""The proxy: it answers for the hosts it knows, forwards nothing, and has bad days on demand."""

from __future__ import annotations

import json
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from demo.internet import Fault, Internet, UnknownFault, World

HOST = "www.google.com"
PAGE = f"https://{HOST}/search?q=face+portrait&udm=2"


def test_a_known_host_answers_over_verified_tls(web: requests.Session):
    assert "Google Search" in web.get(PAGE, timeout=10).text


def test_a_connection_is_kept_for_many_requests(web: requests.Session, internet: Internet):
    for _ in range(50):
        assert web.get(f"https://{HOST}/robots.txt", timeout=10).status_code == 200
    assert len(internet.ledger(HOST)) == 50
    [way] = web.get_adapter("https://").proxy_manager.values()
    [host] = way.pools.keys()
    pool = way.pools[host]
    assert (pool.num_requests, pool.num_connections) == (50, 1)


def test_an_unknown_host_gets_502_and_is_never_looked_up(web: requests.Session, internet: Internet):
    with pytest.raises(requests.exceptions.ProxyError, match="502"):
        web.get("https://update.googleapis.com/", timeout=10)
    assert web.get("http://unknown.example.org/x", timeout=10).status_code == 502
    assert [entry.status for entry in internet.ledger()] == [502, 502]


def test_a_plain_http_address_is_answered_too(web: requests.Session):
    assert web.get(f"http://{HOST}/robots.txt", timeout=10).status_code == 200


def test_without_the_authority_the_certificate_is_refused(internet: Internet):
    with requests.Session() as stranger:
        stranger.trust_env = False
        with pytest.raises(requests.exceptions.SSLError):
            stranger.get(PAGE, proxies={"https": internet.proxy_url}, timeout=10)


def test_many_clients_at_once_are_all_served(inside: Internet, world: World):
    url = world.results[0].picture.url

    def fetch(_: int) -> int:
        return len(requests.get(url, timeout=30).content)

    with ThreadPoolExecutor(16) as pool:
        sizes = set(pool.map(fetch, range(64)))
    assert len(sizes) == 1


def test_a_status_fault_answers_once_and_then_the_host_works_again(web: requests.Session, internet: Internet):
    internet.fault(HOST, Fault(status=503, headers=(("Retry-After", "7"),)))
    first, second = (web.get(PAGE, timeout=10) for _ in range(2))
    assert (first.status_code, first.headers["Retry-After"], second.status_code) == (503, "7", 200)


def test_a_lasting_fault_ends_when_it_is_cleared(web: requests.Session, internet: Internet):
    internet.fault(HOST, Fault(status=500, times=None))
    assert [web.get(PAGE, timeout=10).status_code for _ in range(3)] == [500] * 3
    internet.clear_faults(HOST)
    assert web.get(PAGE, timeout=10).status_code == 200


def test_a_fault_can_be_limited_to_a_path(web: requests.Session, internet: Internet):
    internet.fault(HOST, Fault(status=500, path="/search"))
    assert web.get(f"https://{HOST}/robots.txt", timeout=10).status_code == 200
    assert web.get(PAGE, timeout=10).status_code == 500


def test_a_delay_makes_the_answer_late(web: requests.Session, internet: Internet):
    internet.fault(HOST, Fault(delay=1.5))
    with pytest.raises(requests.exceptions.ReadTimeout):
        web.get(PAGE, timeout=0.5)


def test_a_truncated_answer_breaks_off(web: requests.Session, internet: Internet):
    internet.fault(HOST, Fault(truncate=100))
    with pytest.raises((requests.exceptions.ChunkedEncodingError, requests.exceptions.ConnectionError)):
        web.get(PAGE, timeout=10)


def test_a_dropped_connection_gives_no_answer(web: requests.Session, internet: Internet):
    internet.fault(HOST, Fault(drop=True))
    with pytest.raises(requests.exceptions.ConnectionError):
        web.get(PAGE, timeout=10)


def test_a_fault_of_an_unknown_name_is_refused(internet: Internet):
    with pytest.raises(UnknownFault, match="google-sorry"):
        internet.fault(HOST, "earthquake")


def test_the_ledger_tells_what_was_asked_and_keeps_no_secrets(web: requests.Session, world: World, tmp_path: Path):
    with Internet(world, state=tmp_path) as kept:
        proxies = {"https": kept.proxy_url}
        web.trust_env = False
        web.get(PAGE, proxies=proxies, verify=str(kept.ca_path), headers={"Authorization": "Bearer hush"}, timeout=10)
        entry = kept.ledger(HOST)[0]
    line = json.loads((tmp_path / "ledger.jsonl").read_text())
    assert (entry.method, entry.host, entry.status) == ("GET", HOST, 200)
    assert line["target"] == entry.target
    assert "hush" not in json.dumps(line)


def _control(internet: Internet, path: str, *, wish: object = None, method: str = "GET") -> tuple[int, object]:
    body = None if wish is None else json.dumps(wish).encode()
    kind = {"Content-Type": "application/json"} if body else {}
    request = urllib.request.Request(internet.proxy_url + path, data=body, headers=kind, method=method)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refusal:
        return refusal.code, json.load(refusal)


def test_faults_can_be_set_and_cleared_from_another_process(web: requests.Session, internet: Internet):
    assert _control(internet, "/fault", wish={"host": HOST, "status": 418}, method="POST")[0] == 200
    assert web.get(PAGE, timeout=10).status_code == 418
    named = {"host": "api.twitter.com", "name": "twitter-no-credits", "times": None}
    assert _control(internet, "/fault", wish=named, method="POST")[0] == 200
    assert web.get("https://api.twitter.com/2/tweets/search/recent", timeout=10).status_code == 402
    assert _control(internet, "/fault", method="DELETE")[0] == 200
    assert web.get("https://api.twitter.com/2/tweets/search/recent", timeout=10).status_code == 401


@pytest.mark.parametrize("wish", [{}, [], {"host": HOST, "colour": "red"}, {"host": "nowhere.example", "status": 500}])
def test_a_senseless_fault_is_refused(internet: Internet, wish: object):
    assert _control(internet, "/fault", wish=wish, method="POST")[0] == 400


def test_health_ledger_and_truth_can_be_asked(web: requests.Session, internet: Internet, world: World):
    web.get(PAGE, timeout=10)
    photo = next(r.picture for r in world.results if r.picture.kind == "photo")
    assert _control(internet, "/health")[1]["port"] == internet.port
    assert _control(internet, f"/ledger?host={HOST}")[1][0]["host"] == HOST
    assert _control(internet, f"/truth?url={photo.url}")[1]["person"] == photo.truth.person
    assert _control(internet, "/truth?url=https://photos.example/none.jpg")[0] == 404


def test_closing_frees_the_port_and_removes_the_certificate(world: World):
    with Internet(world) as first:
        port, bundle = first.port, first.ca_path
    assert not bundle.exists()
    with Internet(world, port=port) as second:
        assert second.port == port
