"""What data names on a network is reached only where the person said so, and never nearby."""

from __future__ import annotations

import json
import socket
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from rig.listings import COMMANDS, LISTINGS, make_listing
from sottovoce.errors import AudioFileError
from sottovoce.scan import filter_data_set, open_sources, scan_paths
from sottovoce.scan.opening.names import open_source
from sottovoce.scan.reach.network import NOWHERE, NetworkReach, Refusal, store_of
from sottovoce.scan.recording import Cell, File, Recording
from sottovoce.scan.stores import store
from sottovoce.scan.stores.public_hosts import TrustedHosts, is_public
from sottovoce.scan.workers.fetch import fetch
from tests.scan.conftest import all_read, encode, told

ELSEWHERE = "https://audio.example/a.wav"


class _Quiet(SimpleHTTPRequestHandler):
    met: list[str]

    def do_GET(self):
        self.met.append(self.path)
        super().do_GET()

    def log_message(self, *_):
        pass


class _Redirecting(BaseHTTPRequestHandler):
    target = ""

    def do_GET(self):
        self.send_response(302)
        self.send_header("Location", self.target)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_HEAD = do_GET  # noqa: N815 - the name of the method

    def log_message(self, *_):
        pass


def _serve(handler):
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


@pytest.fixture(autouse=True)
def _as_new(monkeypatch):
    monkeypatch.setattr(store, "_trusted", TrustedHosts())
    store._file_system.cache_clear()
    yield
    store._file_system.cache_clear()


@pytest.fixture
def web(tmp_path):
    """A folder with a recording, the address of its server, and the paths that were asked for."""
    folder = tmp_path / "web"
    folder.mkdir()
    (folder / "a.wav").write_bytes(encode(1))
    met: list[str] = []
    server = _serve(partial(type("Handler", (_Quiet,), {"met": met}), directory=folder))
    yield folder, f"http://127.0.0.1:{server.server_port}", met
    server.shutdown()
    server.server_close()


@pytest.fixture
def redirecting(web):
    """The address of a server that sends everybody to the other one."""
    handler = type("Handler", (_Redirecting,), {"target": f"{web[1]}/a.wav"})
    server = _serve(handler)
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def names(monkeypatch):
    """Names and what they resolve to, as a hostile server of names says."""
    known: dict[str, list[str]] = {}
    real = socket.getaddrinfo

    def resolve(host, port, *args, **options):
        if host not in known:
            return real(host, port, *args, **options)
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, int(port))) for one in known[host]
        ]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return known


def _listed(path, *names):
    path.write_text("".join(json.dumps({"audio_filepath": one}) + "\n" for one in names))
    return path


class TestWhatIsAllowed:
    @pytest.mark.parametrize("kind", LISTINGS)
    @pytest.mark.parametrize("is_found", [False, True])
    def test_a_listing_of_this_computer_opens_no_address(self, tmp_path, web, kind, is_found):
        _, address, met = web
        path = make_listing(tmp_path / "set", kind, f"{address}/a.wav")
        (source,) = open_sources([path.parent if is_found else path])
        (found,) = told(source)
        assert (found.status, met) == ("unsupported", [])
        assert "not accessed without permission" in found.message
        assert "`allow_remote`" in found.remedy

    @pytest.mark.parametrize("kind", COMMANDS)
    def test_nor_does_what_is_decoded_or_unpacked_first(self, tmp_path, web, kind):
        path = make_listing(tmp_path, kind, f"{web[1]}/a.wav")
        (source,) = open_sources([path], allow_remote=True)
        assert [one.status for one in told(source)] == ["unsupported"]
        assert web[2] == []

    @pytest.mark.parametrize("kind", LISTINGS)
    def test_a_listing_reads_what_the_person_allowed(self, tmp_path, web, kind):
        path = make_listing(tmp_path / "set", kind, f"{web[1]}/a.wav")
        for name in (path, path.parent):
            assert all_read(open_source(str(name), allow_remote=web[1]), 1)

    def test_a_cell_that_holds_an_address_is_refused(self, web):
        place = Cell("/data/train.parquet", 0, 0, "audio")
        from sottovoce.scan.datasets.cell_sounds import _follow

        with pytest.raises(AudioFileError, match="without permission") as caught:
            _follow(f"{web[1]}/a.wav", place, most_bytes=1 << 20)
        assert "`allow_remote`" in caught.value.remedy
        assert web[2] == []

    def test_a_listing_in_a_store_reaches_that_store_only(self, web):
        folder, address, _ = web
        _listed(folder / "list.jsonl", f"{address}/a.wav", "a.wav", ELSEWHERE, "s3://voices/a.wav")
        (source,) = open_sources([f"{address}/list.jsonl"])
        found = {one.id: one for one in source.recordings()}
        assert isinstance(found[f"{address}/a.wav"], Recording)
        for other in (ELSEWHERE, "s3://voices/a.wav"):
            assert found[other].status == "unsupported"
            assert "another store" in found[other].message

    @pytest.mark.slow
    def test_a_store_that_was_allowed_is_read_as_named(self, web, tmp_path):
        _, address, _ = web
        path = _listed(tmp_path / "a.jsonl", f"{address}/a.wav")
        (finding,) = scan_paths([path], workers=1, allow_remote=(address,))
        assert (finding.status, finding.seconds) == ("undetermined", 0.5)

    @pytest.mark.apart
    def test_a_data_set_in_memory_names_no_address(self, web):
        import datasets

        data = datasets.Dataset.from_dict({"audio": [{"bytes": None, "path": f"{web[1]}/a.wav"}]})
        (source,) = open_sources([data])
        (found,) = source.recordings()
        assert (found.status, web[2]) == ("unsupported", [])

    @pytest.mark.apart
    def test_a_set_that_is_read_in_passing_is_filtered_as_it_was_scanned(self, web, tmp_path):
        import datasets

        rows = [{"audio": {"bytes": None, "path": f"{web[1]}/a.wav"}}]
        features = {"bytes": datasets.Value("binary"), "path": datasets.Value("string")}
        data = datasets.IterableDataset.from_generator(
            lambda: iter(rows), features=datasets.Features({"audio": features})
        )
        ledger, allowed = tmp_path / "l", {"allow_remote": web[1]}
        (finding,) = scan_paths([data], ledger=ledger, workers=1, **allowed)
        assert finding.status == "undetermined"
        assert len(list(filter_data_set(data, ledger, strict=True, **allowed))) == 1
        assert list(filter_data_set(data, ledger, strict=True)) == []

    def test_without_credentials_only_what_is_open_to_all(self):
        reach = NetworkReach.of(("any", "s3://voices"))
        assert reach.judge(ELSEWHERE, listing="a.txt") is False
        assert reach.judge("s3://others/a.wav", listing="a.txt") is False
        assert reach.judge("s3a://voices/a.wav", listing="a.txt") is True
        refusal = reach.judge("hdfs://nodes/a.wav", listing="a.txt")
        assert isinstance(refusal, Refusal)
        assert "(`allow_remote`): hdfs://nodes" in refusal.remedy

    @pytest.mark.parametrize(
        "url",
        [
            "https://voices.example:444/a.wav",
            "http://voices.example/a.wav",
            "https://voices.example@evil.example/a.wav",
            "https://voices.example\\@evil.example/a.wav",
            "https://voices.example.evil.example/a.wav",
            "https://voices.example#@evil.example/..",
        ],
    )
    def test_what_only_looks_like_the_same_store_is_another(self, url):
        listing = "https://voices.example/list.txt"
        assert NOWHERE.judge("https://VOICES.example:443/b.wav", listing=listing) is True
        if store_of(url) != store_of(listing):
            assert isinstance(NOWHERE.judge(url, listing=listing), Refusal)
        else:  # what follows a number sign is asked of nobody
            assert "#" in url


class TestWhereItLeads:
    """With the person's word for all that is public, nothing nearby is connected to."""

    def _fetch(self, url, *, is_named=False):
        return fetch(File(url, is_named), most_bytes=1 << 20)

    def test_not_to_this_computer_by_number(self, web):
        with pytest.raises(AudioFileError, match="not a public address"):
            self._fetch(f"{web[1]}/a.wav")
        assert web[2] == []

    def test_not_by_a_name_that_resolves_nearby(self, web, names):
        names["audio.example"] = ["127.0.0.1"]
        with pytest.raises(AudioFileError, match=r"audio\.example, which is not a public"):
            self._fetch(f"{web[1]}/a.wav".replace("127.0.0.1", "audio.example"))
        assert web[2] == []

    def test_not_by_a_redirect_from_what_the_person_named(self, web, redirecting):
        with pytest.raises(AudioFileError, match="not a public address"):
            self._fetch(f"{redirecting}/b.wav", is_named=True)
        assert web[2] == []

    def test_by_a_redirect_to_what_the_person_named_as_well(self, web, redirecting):
        self._fetch(f"{web[1]}/a.wav", is_named=True)
        assert self._fetch(f"{redirecting}/b.wav", is_named=True) == encode(1)

    def test_a_name_that_the_person_gave_may_be_nearby(self, web, names):
        names["nas.example"] = ["127.0.0.1"]
        url = f"{web[1]}/a.wav".replace("127.0.0.1", "nas.example")
        assert self._fetch(url, is_named=True) == encode(1)

    def test_a_listing_tells_it_of_the_row(self, web, names, tmp_path):
        names["audio.example"] = ["10.0.0.1", "192.168.0.1"]
        path = _listed(tmp_path / "a.jsonl", "https://audio.example/a.wav", f"{web[1]}/a.wav")
        (source,) = open_sources([path], allow_remote=True)
        found = list(source.recordings())
        assert {one.status for one in found} == {"unsupported"}
        assert all("not a public address" in one.message for one in found)
        assert web[2] == []

    @pytest.mark.parametrize(
        "address",
        [
            *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254"),
            *(
                "100.100.100.200",
                "168.63.129.16",
                "0.0.0.1",
                "224.0.0.1",
                "::1",
                "::",
                "fe80::1%eth0",
            ),
            *("fd00:ec2::254", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "nonsense"),
        ],
    )
    def test_addresses_that_are_near(self, address):
        assert not is_public(address)

    @pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700:4700::1111", "::ffff:8.8.8.8"])
    def test_addresses_that_are_not(self, address):
        assert is_public(address)

    def test_no_credentials_go_to_what_only_data_names(self, monkeypatch):
        import fsspec

        headers = {"client_kwargs": {"headers": {"Authorization": "Bearer secret"}}}
        monkeypatch.setitem(fsspec.config.conf, "https", headers)
        assert "headers" not in store._file_system("https", is_named=False).client_kwargs
        assert "headers" in store._file_system("https").client_kwargs

    @pytest.mark.apart
    def test_a_store_that_only_data_names_is_asked_without_credentials(self):
        import s3fs

        system = store._file_system("s3", is_named=False)
        assert isinstance(system, s3fs.S3FileSystem)
        assert system.anon
