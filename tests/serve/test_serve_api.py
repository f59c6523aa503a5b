"""The API as a stranger meets it: the verdicts of `artfp verify`, coarse; every refusal; and nothing of a key."""

from __future__ import annotations

import io
import json
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import torch
from detectors import VERDICTS, HereAsk, Serve, World, ask
from PIL import Image
from starlette.testclient import TestClient

from artfp.codec.dct import DctCodec
from artfp.data.procedural import generate
from artfp.images import LoadedImage, encode_png, load_image, to_pixels, to_tensor
from artfp.keys.registry import Registry
from artfp.serve.inquiries import Failed, WorkerLostError
from artfp.serve.settings import Bench, Limits, network
from artfp.verify import verify


def test_verdicts_are_those_of_verify(serve: Serve, world: World) -> None:
    sets = [world.marked[:1], world.marked[:3], world.clean[:1], world.clean[:3], [world.marked[0], *world.clean[:5]]]
    client = serve(bench={"three_words": True})  # one clean image in some hundreds is inconclusive by chance
    with Registry(world.registry) as registry:
        for files in sets:
            items = [(f"{index}.png", lambda file=file: file) for index, file in enumerate(files)]
            expected = verify(items, registry, [DctCodec()])
            found = ask(client, *files, judge="both").json()
            assert found["together"]["verdict"] == expected.outcome
            assert found["keys_tried"] == expected.trials == 2
            for image, own in zip(found["each"], items, strict=True):
                assert image["answer"]["verdict"] == verify([own], registry, [DctCodec()]).outcome


def test_a_match_names_the_key_and_claims_no_more(serve: Serve, world: World) -> None:
    found = ask(serve(bench={"shown": {"mine": "Studio Ltd."}}), *world.marked[:2], judge="both").json()
    together = found["together"]
    assert (together["verdict"], together["key"], together["images"]) == ("match", "Studio Ltd.", 2)
    assert (together["p_above"], together["p_at_most"]) == (None, 1e-6)
    assert "at least some of them are marked data or come from a model trained on it" in together["statement"]
    assert [image["name"] for image in found["each"]] == ["0.png", "1.png"]
    assert "Studio Ltd." in found["each"][1]["answer"]["statement"]


def test_without_a_match_no_key_is_named(serve: Serve, world: World) -> None:
    found = ask(serve(), *world.clean[:2])
    assert found.json()["together"] == {
        "verdict": "no match",
        "p_above": 1e-6,
        "p_at_most": 1.0,
        "key": None,
        "key_id": None,
        "statement": "None of the 2 keys tried here is proved in these 2 images as one set. This does not prove that "
        "none is there.",
        "images": 2,
    }
    assert found.json()["each"] == []
    assert "mine" not in found.text
    assert "other" not in found.text


def test_what_lies_between_the_thresholds_is_told_only_where_the_operator_wants_it(
    serve: Serve, world: World, tmp_path
) -> None:
    """Bits that agree with an image in 52 of 64 places: p is 2e-7 for one key, 5e-6 for the 20 tried."""
    path, codec = tmp_path / "close.sqlite", DctCodec()
    pixels = load_image(world.clean[0], "clean").rgb
    bits = (codec.soft_bits(to_tensor(pixels)).numpy()[0] > 0).astype(np.uint8)
    bits[:12] ^= 1
    with Registry(path) as registry:
        registry.new_many([f"key-{index}" for index in range(19)])
        registry.pair_many([f"key-{index}" for index in range(19)], codec.facts())
        registry.import_bits("close", codec.facts(), bits)
        assert verify([("a", lambda: world.clean[0])], registry, [codec]).outcome == "inconclusive"
    told = {
        words: ask(serve(bench={"registry": path, "three_words": words}), world.clean[0], judge="both").json()
        for words in (False, True)
    }
    for answer in (told[False]["together"], told[False]["each"][0]["answer"]):
        assert (answer["verdict"], answer["p_above"], answer["p_at_most"]) == ("no match", 1e-6, 1.0)
    for answer in (told[True]["together"], told[True]["each"][0]["answer"]):
        assert (answer["verdict"], answer["p_above"], answer["p_at_most"]) == ("inconclusive", 1e-6, 1e-3)
        assert answer["key"] is None


def test_an_image_reads_the_same_whatever_it_shares_a_batch_with(serve: Serve, world: World) -> None:
    ask_here = HereAsk(Bench(world.registry))
    client = serve(ask=ask_here, limits=Limits(requests_each=16))
    files = [*world.marked[:4], *world.clean[:4]]
    alone = [ask(client, file).json() for file in files]
    with ThreadPoolExecutor(8) as pool:
        together = [found.json() for found in pool.map(lambda file: ask(client, file), files)]
    assert together == alone
    assert max(ask_here.asked) > 1


def test_a_file_that_is_sent_twice_counts_once(serve: Serve, world: World) -> None:
    assert ask(serve(), *world.marked[:2] * 2).json()["together"]["images"] == 2


def test_an_image_in_two_files_counts_once(serve: Serve, world: World) -> None:
    """A byte after the end of a file, or another compression, makes another file and no other image."""
    again = Image.open(io.BytesIO(world.marked[0]))
    again.save(packed := io.BytesIO(), "PNG", compress_level=9)
    same = [world.marked[0], world.marked[0] + b"x", packed.getvalue()]
    assert len(set(same)) == 3
    assert ask(serve(), *same, world.marked[1]).json()["together"]["images"] == 2
    refused = ask(serve(limits=Limits(least_images=3)), *same, world.marked[1])
    assert refused.status_code == 422
    assert refused.json()["error"]["problems"] == [
        "2 different image(s) when decoded: this server judges sets of at least 3"
    ]


def test_where_sets_are_asked_for_one_image_among_others_does_not_decide(serve: Serve, tmp_path) -> None:
    """One image carries the key in all bits, fifteen others carry bits of their own. All bits are fixed: no luck."""
    path, codec, generator = tmp_path / "one.sqlite", DctCodec(), np.random.default_rng(1)
    bits = generator.integers(0, 2, (16, codec.n_bits), dtype=np.uint8)
    images = to_tensor(np.stack(list(generate("photo-like", 16, 64, seed=13))))
    marked = to_pixels(torch.cat([codec.embed(images[i : i + 1], torch.from_numpy(bits[i])) for i in range(16)]))
    files = [encode_png(LoadedImage(image)) for image in marked]
    with Registry(path) as registry:
        registry.import_bits("one", codec.facts(), bits[0])
    told = [
        ask(serve(bench={"registry": path}, limits=limits), *files).json()["together"]["verdict"]
        for limits in (Limits(), Limits(least_images=16))
    ]
    assert told == ["match", "no match"]


def test_failures_are_not_explained_to_strangers(serve: Serve, world: World, capfd: pytest.CaptureFixture[str]) -> None:
    for reply in (lambda *_: 1 / 0, lambda inquiries, _: [Failed("secret words")] * len(inquiries)):
        found = ask(serve(ask=reply), world.clean[0])
        assert found.status_code == 500
        assert "secret" not in found.text
        assert "Zero" not in found.text
    told = capfd.readouterr().err
    assert "secret words" in told
    assert "ZeroDivisionError" in told


def test_a_lost_worker_is_a_reason_to_try_again(serve: Serve, world: World) -> None:
    def lost(*_: object) -> list[Any]:
        raise WorkerLostError("died")

    found = ask(serve(ask=lost), world.clean[0])
    assert found.status_code == 503
    assert int(found.headers["Retry-After"]) > 0


def test_what_takes_too_long_is_given_up(serve: Serve, world: World) -> None:
    client = serve(ask=lambda inquiries, _: time.sleep(0.3) or [], limits=Limits(judging_seconds=0.05))
    found = ask(client, world.clean[0])
    assert found.status_code == 503
    assert "in time" in found.json()["error"]["message"]


def test_clients_have_their_share_and_who_comes_too_early_is_told_when_to_come(serve: Serve, world: World) -> None:
    now = [0.0]
    client = serve(clock=lambda: now[0], limits=Limits(images=3, per_minute=3, per_day=5))
    assert ask(client, *world.clean[:2]).status_code == 200
    refused = ask(client, *world.clean[:2])
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "40")  # it has paid for one of them
    now[0] = 40.0
    assert ask(client, *world.clean[:2]).status_code == 200
    now[0] = 100.0
    assert ask(client, *world.clean[:2]).headers["Retry-After"] == str(24 * 3600 // 5 - 100)


def test_large_images_cost_more(serve: Serve) -> None:
    large = encode_png(LoadedImage(np.zeros((2000, 2001, 3), np.uint8)))
    client = serve(limits=Limits(images=2, per_minute=2, pixels=5_000_000))
    assert ask(client, large, judge="together").json()["cost"] == 2
    assert ask(client, large).status_code == 429


def test_each_client_behind_a_trusted_proxy_has_a_share_of_its_own(serve: Serve, world: World) -> None:
    def statuses(client: TestClient) -> list[int]:
        told = [{"x-forwarded-for": f"203.0.113.{last}"} for last in (1, 1, 2)]
        return [ask(client, world.clean[0], headers=headers).status_code for headers in told]

    limits = Limits(images=1, per_minute=1)
    assert statuses(serve(limits=limits)) == [200, 429, 429]
    assert statuses(serve(limits=limits, proxies=(network("192.0.2.0/24"),))) == [200, 429, 200]


def test_a_full_server_says_so(serve: Serve, world: World) -> None:
    running, go_on = threading.Event(), threading.Event()

    def slow(inquiries: Any, _: float) -> list[Any]:
        running.set()
        go_on.wait(60)
        return [Failed("")] * len(inquiries)

    client = serve(ask=slow, limits=Limits(requests=1))
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(ask, client, world.clean[0])
        assert running.wait(60)
        second = ask(client, world.clean[0])
        assert client.get("/healthz").json() == {"status": "ok"}
        go_on.set()
        assert first.result().status_code == 500
    assert second.status_code == 503
    assert second.headers["Retry-After"] == "5"


def test_nothing_of_a_key_is_in_any_answer_or_record(serve: Serve, world: World, tmp_path) -> None:
    """Its bits, packed or not, its secret, soft bits, counts and shares: the numbers told are few and known."""
    client = serve(bench={"three_words": True})
    sets = ([*world.marked[:3], world.clean[0]], world.clean[:2])
    answers = [ask(client, *files, judge="both") for files in sets]
    answers += [ask(client, b"bad"), *map(client.get, ("/", "/page.js", "/openapi.json", "/healthz"))]
    told = "\n".join([*(answer.text for answer in answers), (tmp_path / "audit.jsonl").read_text()]).lower()
    with Registry(world.registry) as registry:
        pairs = [registry.pair(name, DctCodec().facts()).bits for name in ("mine", "other")]
    with sqlite3.connect(world.registry) as database:
        secrets = [secret for (secret,) in database.execute("SELECT secret FROM keys")]
    for bits in pairs:
        packed = np.packbits(bits).tobytes()
        digits = "".join(map(str, bits))
        for text in (packed.hex(), packed[::-1].hex(), digits, ", ".join(digits), ",".join(digits)):
            assert text[:24] not in told
    assert len(secrets) == 3
    assert not [secret for secret in secrets if secret.hex()[:12] in told]
    for words in ("matching_bits", "bit_accuracy", "margin", "runner", "share", "soft", "n_bits", "log10"):
        assert words not in told
    for answer in answers[:2]:
        assert set(numbers(answer.json())) <= {1e-6, 1e-3, 1.0, 2, 4}


def numbers(value: Any) -> Iterator[float]:
    if isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from numbers(each)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield value


def test_the_process_that_talks_to_strangers_has_neither_torch_nor_keys() -> None:
    probe = (
        "import sys, artfp.serve.app, artfp.serve.server, artfp.serve.worker, artfp.serve.pages as p\n"
        "from artfp.serve.settings import Limits; p.front_page(Limits(), False)\n"
        "sys.exit(str({'torch', 'scipy', 'artfp.keys.registry', 'artfp.codec'} & set(sys.modules) or 0))"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=False)
    assert "set()" in done.stderr or done.stderr.strip() == "0", done.stderr


def test_the_description_is_what_happens(serve: Serve, world: World) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    client = serve()
    description = client.get("/openapi.json").json()
    responses = description["paths"][VERDICTS]["post"]["responses"]

    def check(status: int, value: Any) -> None:
        schema = responses[str(status)]["content"]["application/json"]["schema"]
        whole = {**schema, "components": description["components"]}
        jsonschema.Draft202012Validator.check_schema(whole)
        jsonschema.validate(value, whole, jsonschema.Draft202012Validator)

    assert description["openapi"] == "3.1.0"
    for files, way in ((world.marked[:2], "both"), (world.clean[:1], "together"), (world.clean[:1], "each")):
        found = ask(client, *files, judge=way)
        check(found.status_code, found.json())
    for found in (ask(client, b"bad"), ask(client), ask(client, world.clean[0], headers={"host": "a.example"})):
        check(found.status_code, found.json())
    assert set(responses) == {"200", "400", "403", "408", "413", "415", "422", "429", "500", "503"}
    text = json.dumps(description)
    references = {part.partition('"')[0] for part in text.split('"$ref": "#/components/schemas/')[1:]}
    assert references <= set(description["components"]["schemas"])
    with pytest.raises(jsonschema.ValidationError):
        check(200, {"together": None})
