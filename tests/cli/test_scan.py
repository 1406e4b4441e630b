"""`sottovoce scan` as an ML team runs it."""

from __future__ import annotations

import json
import re
import shutil
import signal
import threading
import time
from collections import Counter
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile as sf

from sottovoce.cli._scan_outputs import tell
from sottovoce.scan import Finding, Ledger, summarise
from sottovoce.scan.reports.wording import NOT_COMPLETE
from tests.cli.conftest import Shell
from tests.scan.conftest import dataset, marked  # noqa: F401 - fixtures


@pytest.fixture
def data(shell, dataset):  # noqa: F811 - a fixture
    shutil.copytree(dataset, shell.folder / "data")
    return "data"


class TestAnswers:
    def test_marked_recordings_are_told_and_listed(self, shell, data):
        done = shell("scan", data, "--format", "csv", "--jobs", 1)
        assert done.code == 1
        assert "2 of 8 recordings carry a do-not-train mark (84.0 seconds read)." in done.out
        assert "84.0 seconds of sound, " in done.err
        assert "4f2a-91c0-77de" in done.out
        excluded = (shell.folder / "sottovoce-scan" / "exclude.txt").read_text().splitlines()
        assert excluded == ["data/anna/long.flac", "data/anna/short.wav"]
        made = {path.name for path in (shell.folder / "sottovoce-scan").iterdir()}
        assert {"results.csv", "summary.json", "ledger.sqlite"} <= made
        # All but what could not be read is known, and no time was needed to read it.
        done = shell("scan", data, "--format", "jsonl", "--jobs", 1)
        assert "8 of 8 recordings, 2 marked, 2 not read, 6 already known" in done.err
        made = {path.name for path in (shell.folder / "sottovoce-scan").iterdir()}
        assert {name for name in made if name.startswith("results")} == {"results.jsonl"}

    @pytest.mark.slow
    def test_json_is_a_line_for_each_recording(self, shell, data):
        done = shell("scan", data, "--json", "--jobs", 1)
        *rows, last = [json.loads(line) for line in done.out.splitlines()]
        assert {tuple(row["owners"]) for row in rows} == {(), ("4f2a-91c0-77de",)}
        payloads = [voice["payload"] for row in rows for voice in row["voices"]]
        assert {payload["owner"] for payload in payloads if payload} == {"4f2a-91c0-77de"}
        assert last == {"not_looked_at": {".txt": 1}, "may_hold_sound": {}}
        assert Counter(row["status"] for row in rows) == {
            "marked": 2,
            "clean": 2,
            "undetermined": 2,
            "error": 2,
        }

    @pytest.mark.parametrize(
        ("names", "code"),
        [
            (["data/bert"], 0),
            (["data/anna"], 1),
            pytest.param(["data/anna", "data/odd"], 1, marks=pytest.mark.slow),
            pytest.param(["data/bert", "data/odd"], 3, marks=pytest.mark.slow),
            (["nowhere"], 2),
            ([], 2),
        ],
        ids=["none", "marked", "marked and unread", "unread", "missing", "nothing named"],
    )
    def test_exit_codes(self, names, code, shell, data):
        assert shell("scan", *names, "--jobs", 1).code == code

    @pytest.mark.parametrize(
        ("name", "content", "code", "said"),
        [
            ("a.npy", b"\x93NUMPY" + bytes(90), 3, "1 of these may hold sound (1 .npy)"),
            ("README.md", b"x", 2, "There was nothing to scan"),
            ("data.json", b'[{"name": "x"}]', 2, "name that file itself"),
            ("a.txt", b"", 2, "There was nothing to scan"),
        ],
    )
    def test_a_folder_without_recordings_is_never_clean(self, name, content, code, said, shell):
        (shell.folder / "set").mkdir()
        (shell.folder / "set" / name).write_bytes(content)
        done = shell("scan", "set", "--jobs", 1)
        assert done.code == code
        assert said in done.err

    def test_an_empty_list_is_never_clean(self, shell):
        (shell.folder / "a.txt").write_text("")
        assert shell("scan", "a.txt", "--jobs", 1).code == 2

    @pytest.mark.slow
    def test_marked_and_not_looked_at_are_both_told(self, shell, data):
        (shell.folder / "data" / "anna" / "a.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(90))
        done = shell("scan", "data/anna", "--jobs", 1)
        assert done.code == 1
        assert "1 of these may hold sound" in done.err
        assert shell("scan", "report", "sottovoce-scan").code == 1

    @pytest.fixture(params=["parquet", "csv", "jsonl"])
    def table(self, request, shell, data):
        """A table of one recording, in three formats."""
        path = shell.folder / f"table.{request.param}"
        row = {"file": "data/bert/part.ogg", "who": "bert"}
        if request.param == "parquet":
            pq.write_table(pa.table({name: [value] for name, value in row.items()}), path)
        elif request.param == "csv":
            path.write_text(f"{','.join(row)}\n{','.join(row.values())}\n")
        else:
            path.write_text(json.dumps(row) + "\n")
        return path.name

    def test_a_column_that_nothing_has_is_told(self, shell, table):
        done = shell("scan", table, "--column", "sound", "--jobs", 1)
        assert done.code == 2
        if table.endswith("jsonl"):  # examined when it is opened
            assert "table.jsonl: has no field of paths" in done.err
        else:
            assert "No column or field found for --column: sound." in done.err
            assert f"{table}: has no column 'sound'." in done.err
        assert "Available: 'file', 'who'" in done.err

    @pytest.mark.slow
    def test_a_group_that_nothing_has_is_told(self, shell, table):
        done = shell("scan", table, "--group-by", "whom", "--jobs", 1)
        assert done.code == 2
        assert "No recording has a column for --group-by: whom." in done.err
        assert shell("scan", table, "--group-by", "who", "--jobs", 1).code == 0

    @pytest.mark.slow
    def test_why_things_were_not_read_is_told(self, shell, data):
        for number in range(4):
            (shell.folder / "data" / "odd" / f"{number}.mp3").touch()
        done = shell("scan", "data/odd", "--jobs", 1)
        assert done.code == 3
        assert len([line for line in done.err.splitlines() if "data/odd/" in line]) == 3
        assert "The report lists 3 more that were not read." in done.err

    def test_where_there_is_nothing_to_scan_nothing_else_is_said(self, shell):
        (shell.folder / "set").mkdir()
        (shell.folder / "set" / "README.md").write_text("x")
        done = shell("scan", "set", "--jobs", 1)
        assert done.code == 2
        assert done.out == ""
        assert "report" not in done.err
        assert not (shell.folder / "sottovoce-scan" / "report.html").exists()

    @pytest.mark.slow
    def test_exit_zero(self, shell, data):
        assert shell("scan", "data/anna", "--exit-zero", "--jobs", 1).code == 0

    @pytest.mark.slow
    def test_options_may_stand_before_the_data(self, shell, data):
        assert shell("scan", "--jobs", 1, "-o", "out", "data/bert").code == 0
        assert (shell.folder / "out" / "summary.json").is_file()


def test_what_marks_say_of_training_is_told(capsys, tmp_path):
    voices = [{"payload": None}, {"payload": {"owner_id": 7, "policy": 0x20, "year": 2026}}]
    findings = [
        Finding(id=str(i), status="marked", log10_p=-20.0, log10_e=9.0, voices=(voice,))
        for i, voice in enumerate(voices)
    ]
    tell(summarise(findings), tmp_path)
    told = capsys.readouterr().out
    assert "1 with owner and policy not readable: treated as refusing training" in told
    assert "1: refuses text and data mining" in told
    assert "1 with a mark that does not name training: left out all the same" in told


class TestListOnly:
    """For hooks: names and an exit code, and no file left behind."""

    @pytest.mark.slow
    def test_what_must_go_is_named_and_nothing_is_kept(self, shell, data):
        before = sorted(shell.folder.rglob("*"))
        done = shell("scan", "--list-only", data, "--jobs", 1)
        assert done.code == 1
        assert done.out.splitlines() == ["data/anna/long.flac", "data/anna/short.wav"]
        assert "data/odd/text.wav: not a readable audio file" in done.err
        assert sorted(shell.folder.rglob("*")) == before

    @pytest.mark.slow
    def test_strictly_what_was_not_read_is_named_too(self, shell, data):
        done = shell("scan", "--list-only", "--strict", "data/odd", "--jobs", 1)
        assert done.code == 3
        assert done.out.splitlines() == ["data/odd/empty.mp3", "data/odd/text.wav"]

    @pytest.mark.slow
    def test_nothing_is_said_where_nothing_must_go(self, shell, data):
        done = shell("scan", "--list-only", "--", "data/bert/long.flac")
        assert (done.code, done.out) == (0, "")

    def test_it_is_no_json(self, shell, data):
        assert shell("scan", "--list-only", "--json", data).code == 2


class TestFurther:
    @pytest.mark.slow
    def test_shards_merge(self, shell, data):
        for number in (1, 2):
            shell("scan", data, "--shard", f"{number}/2", "-o", f"part-{number}", "--jobs", 1)
        shell("scan", data, "-o", "whole", "--format", "jsonl", "--jobs", 1)
        done = shell("scan", "merge", "part-1", "part-2", "-o", "merged", "--format", "jsonl")
        assert done.code == 1  # as the scan itself
        whole, merged = (
            (shell.folder / name / "results.jsonl").read_bytes() for name in ("whole", "merged")
        )
        assert merged == whole
        page = (shell.folder / "merged" / "report.html").read_text()
        # All that repeats it.
        for words in ("--shard 1/2", "--shard 2/2", "merge part-1 part-2"):
            assert words in page
            assert words in (shell.folder / "merged" / "card.md").read_text()
        assert shell("scan", "merge", "part-1", "-o", "half").code == 2

    def test_shards_count_from_1(self, shell, data):
        done = shell("scan", data, "--shard", "0/8")
        assert done.code == 2
        assert "--shard $((SLURM_ARRAY_TASK_ID + 1))/8" in done.err

    @pytest.mark.slow
    def test_filter_makes_a_copy_without_marks(self, shell, data):
        shell("scan", data, "-o", "out", "--jobs", 1)
        done = shell("scan", "filter", "out", "--to", "kept")
        assert done.code == 0
        assert "6 kept, 2 left out" in done.out
        assert "suspected or not read to the end: 2." in done.err
        assert "too short or too quiet to tell: 2." in done.err
        assert "hard links" in done.err
        assert not (shell.folder / "kept" / "anna" / "long.flac").exists()
        assert shell("scan", "filter", "out", "--to", "kept").code == 2

    @pytest.mark.slow
    def test_status_and_report(self, shell, data):
        shell("scan", data, "-o", "out", "--jobs", 1)
        said = shell("scan", "status", "out").out
        assert "8 recordings" in said
        assert re.match(r"finished on \d+ [A-Z][a-z]+ \d{4}, \d\d:\d\d UTC\n", said)
        fields = json.loads(shell("scan", "status", "out", "--json").out)
        assert fields["done"]
        assert fields["statuses"]["marked"] == 2
        done = shell("scan", "report", "out", "--format", "jsonl")
        assert done.code == 1  # as the scan itself
        assert (shell.folder / "out" / "results.jsonl").is_file()
        assert shell("scan", "status", "data").code == 2

    @pytest.mark.slow
    def test_a_report_of_a_scan_that_has_not_ended_says_so(self, shell):
        job = {"command": "sottovoce scan data -o out", "inputs": ["data"]}
        out = shell.folder / "out"
        with Ledger(out / "ledger.sqlite", detector="d") as ledger:
            ledger.begin_run(job)
            ledger.put(Finding(id="a", status="clean", log10_p=-0.1), stamp="1")
        assert self.report(shell) == (3, False)
        assert (
            "To resume the scan: sottovoce scan data -o out" in shell("scan", "report", "out").err
        )
        with Ledger(out / "ledger.sqlite", detector="d") as ledger:
            ledger.begin_run(job)
            ledger.put(Finding(id="a", status="clean", log10_p=-0.1), stamp="1")
            ledger.amend_job(ended="2026-03-01T11:30:00Z")
        assert self.report(shell) == (0, True)
        # It runs again, and finds a mark before it is killed.
        with Ledger(out / "ledger.sqlite", detector="d") as ledger:
            ledger.begin_run(job)
            ledger.put(Finding(id="b", status="marked", log10_p=-9.0), stamp="1")
        assert self.report(shell) == (1, False)
        fields = json.loads((out / "summary.json").read_text())
        assert fields["n_recordings"] == 2

    def test_the_status_of_a_scan_by_a_program(self, shell):
        with Ledger(shell.folder / "out" / "ledger.sqlite") as ledger:
            ledger.begin_run({"inputs": ["data"]})
        done = shell("scan", "status", "out")
        assert (done.code, done.out) == (0, "0 recordings, 0.0 seconds\n")

    def report(self, shell):
        """The exit code, and whether all that is written says that the scan is complete."""
        done = shell("scan", "report", "out")
        said = [
            NOT_COMPLETE not in text
            for text in (
                done.err,
                *((shell.folder / "out" / name).read_text() for name in ("report.html", "card.md")),
            )
        ]
        fields = json.loads((shell.folder / "out" / "summary.json").read_text())
        assert len({*said, fields["complete"]}) == 1
        return done.code, fields["complete"]

    @pytest.mark.parametrize(
        "options", [["--shard", "3"], ["--shard", "3/2"], ["--since", "yesterday"]]
    )
    def test_wrong_options_say_what_is_right(self, options, shell, data):
        done = shell("scan", data, *options)
        assert done.code == 2
        assert "Use" in done.err


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """Recordings that take some seconds."""
    folder = tmp_path_factory.mktemp("many")
    rng = np.random.default_rng(20_260_101)
    y = rng.normal(scale=0.1, size=16_000 * 200).astype(np.float32)
    for number in range(24):
        n = rng.integers(100 * 16_000, len(y))
        sf.write(folder / f"{number:03}.flac", y[:n], 16_000)
    return folder


@pytest.fixture(scope="module")
def undisturbed(many, tmp_path_factory):
    """The results of a scan of them that nothing has interrupted."""
    folder = tmp_path_factory.mktemp("undisturbed")
    shell = Shell(folder, folder / "config")
    shell("scan", many, "-o", "out")
    return results(shell, "out")


def results(shell, name):
    assert shell("scan", "report", name, "--format", "jsonl").code == 0
    return (shell.folder / name / "results.jsonl").read_bytes()


class TestInterrupts:
    def start_and_wait(self, shell, *words):
        process = shell.start("scan", *words, start_new_session=True)
        ledger = shell.folder / "out" / "ledger.sqlite"
        end = time.monotonic() + 60
        while not ledger.exists():
            assert process.poll() is None
            assert time.monotonic() < end
            time.sleep(0.02)
        return process

    @pytest.mark.by_turns
    @pytest.mark.slow
    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_an_interrupt_ends_it_soon_and_it_can_go_on(self, number, shell, many, undisturbed):
        with self.start_and_wait(shell, many, "-o", "out") as process:
            time.sleep(1.5)
            asked_s = time.monotonic()
            process.send_signal(number)
            _, err = process.communicate(timeout=30)
            assert time.monotonic() - asked_s < 2.0
        assert process.returncode == 130
        assert "run the same command again to resume" in err
        assert "Traceback" not in err
        assert shell("scan", many, "-o", "out").code == 0
        assert results(shell, "out") == undisturbed

    @pytest.mark.by_turns
    @pytest.mark.slow
    def test_kill_9_at_random_moments_changes_no_result(self, shell, many, undisturbed, rng):
        for _ in range(4):
            with self.start_and_wait(shell, many, "-o", "out") as process:
                time.sleep(rng.uniform(0.3, 2.5))
                process.kill()
                process.communicate()
        assert shell("scan", many, "-o", "out").code == 0
        assert results(shell, "out") == undisturbed


@pytest.mark.by_turns
@pytest.mark.slow
def test_links_and_roots_count_in_a_filtered_copy_as_well(shell, data):
    """A cache whose files are links, and a listing whose files lie elsewhere."""
    cache = shell.folder / "cache"
    cache.mkdir()
    for name in ("anna", "bert"):
        (cache / f"{name}.flac").symlink_to(f"../data/{name}/long.flac")
    assert shell("scan", "cache", "--jobs", 1).code == 3
    assert shell("scan", "cache", "--follow-links", "--jobs", 1, "-o", "out").code == 1
    assert shell("scan", "filter", "out", "--to", "kept").code == 0
    assert [path.name for path in (shell.folder / "kept").iterdir()] == ["bert.flac"]
    lists = shell.folder / "lists"
    lists.mkdir()
    rows = "".join(f"{name},$data/{name}/long.flac\n" for name in ("anna", "bert"))
    (lists / "all.csv").write_text(f"ID,wav\n{rows}")
    done = shell("scan", "lists/all.csv", "--root", "data", "--jobs", 1, "-o", "out2")
    assert done.code == 1
    done = shell("scan", "filter", "out2", "--to", "kept.csv")
    assert done.code == 0
    start = shell.folder.resolve() / "lists"
    assert f"Relative paths in it are unchanged: they start from {start}." in done.err
    assert (shell.folder / "kept.csv").read_text().splitlines() == ["ID,wav", rows.splitlines()[1]]


@pytest.mark.by_turns
@pytest.mark.slow
def test_an_address_in_a_list_is_fetched_only_where_that_is_allowed(shell, data):
    handler = partial(SimpleHTTPRequestHandler, directory=shell.folder / data)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        store = f"http://127.0.0.1:{server.server_port}"
        (shell.folder / "list.txt").write_text(f"{store}/anna/long.flac\n")
        refused = shell("scan", "list.txt", "--json", "--jobs", 1, "-o", "none")
        # All that is public; what follows is no value of it.
        nearby = shell("scan", "--allow-remote", "list.txt", "--json", "--jobs", 1, "-o", "public")
        store_only = f"--allow-remote={store}"
        allowed = shell("scan", store_only, "list.txt", "--json", "--jobs", 1, "-o", "store")
        server.shutdown()
    assert [one.code for one in (refused, nearby, allowed)] == [3, 3, 1]
    assert "without permission" in json.loads(refused.out)["message"]
    # The report is read by those who run the command, not by programmers.
    report = (shell.folder / "none" / "report.html").read_text()
    assert "--allow-remote" in report
    assert "allow_remote" not in report
    assert "not a public address" in json.loads(nearby.out)["message"]
    assert json.loads(allowed.out)["id"] == f"{store}/anna/long.flac"
