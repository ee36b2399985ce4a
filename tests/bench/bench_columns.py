#!/usr/bin/env python3
"""The store's questions put to column stores, over the same samples, in the same run.

usage: bench_columns.py BENCH_STORE DAY_ROWS HEARTH [HOURS]

Runs bench_store HOURS (default 2), then gives the same made-up samples to DuckDB and to ClickHouse
(as chdb, its engine in a Python module), and prints for each its bytes a sample and how long the
questions take: cold (a new connection, no page of its files in memory), then warm; the least of
five each, by the clock and in CPU time. Of their answers only the number of rows and the largest
count are fetched, so that Python costs nothing. They know stacks as numbers only: names of
functions, which the store's answers have, would come on top. Last, pprof files of 10 s each, as
gzip makes them. What is not installed (pip install duckdb==1.1.3 chdb==4.4.0) is named and left
out. Nothing is asserted.
"""

import glob
import os
import re
import resource
import subprocess
import sys
import tempfile
import time

ROUNDS = 5
START_MS = 1_760_000_000_000
PPROF_FILES = 30


def questions(hours):
    end = START_MS + hours * 3_600_000
    cut = hours * 3_600_000 // 70
    hour = f"time >= {end - 3_600_000} AND time < {end}"
    return {
        "all, by stack": "SELECT stack, count(*) AS n FROM samples GROUP BY stack",
        "the same, cut at both ends": "SELECT stack, count(*) AS n FROM samples WHERE "
        f"time >= {START_MS + cut} AND time < {end - cut} GROUP BY stack",
        "one process's hour": "SELECT stack, count(*) AS n FROM samples WHERE "
        f"{hour} AND pid = 103 GROUP BY stack",
        "an hour's heat map": "SELECT CAST(floor(time / 1000) AS BIGINT) AS s, "
        "CAST(floor(time % 1000 / 20) AS BIGINT) AS slot, count(*) AS n FROM samples WHERE "
        f"{hour} GROUP BY s, slot",
    }


def cpu_s():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def files_below(path):
    if os.path.isfile(path):
        return [path]
    return [p for p in glob.glob(f"{path}/**", recursive=True) if os.path.isfile(p)]


def make_cold(path):
    for name in files_below(path):
        with open(name, "rb") as f:
            os.fsync(f.fileno())
            os.posix_fadvise(f.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def timed(ask):
    wall, cpu = time.monotonic(), cpu_s()
    ask()
    return time.monotonic() - wall, cpu_s() - cpu


class DuckDB:
    name = "DuckDB"

    def __init__(self, folder):
        import duckdb

        self.duckdb = duckdb
        self.version = duckdb.__version__
        self.path = f"{folder}/samples.duckdb"

    def load(self, csv):
        db = self.duckdb.connect(self.path)
        db.execute(
            "CREATE TABLE samples AS SELECT * FROM read_csv(?, columns={'time': 'BIGINT', 'stack': "
            "'UINTEGER', 'pid': 'UINTEGER', 'tid': 'UINTEGER', 'comm': 'VARCHAR', 'thread': "
            "'VARCHAR'}, header=true)",
            [csv],
        )
        db.close()

    def open(self):
        db = self.duckdb.connect(self.path, read_only=True)
        return lambda sql: db.execute(sql).fetchall(), db.close

    def bytes(self):
        return os.path.getsize(self.path)


class ClickHouse:
    name = "ClickHouse"

    def __init__(self, folder):
        from chdb import session

        self.session = session
        self.path = f"{folder}/clickhouse"
        s = session.Session(self.path)
        self.version = str(s.query("SELECT version()")).strip().strip('"')
        s.close()

    def load(self, csv):
        s = self.session.Session(self.path)
        s.query("CREATE DATABASE IF NOT EXISTS d ENGINE = Atomic")
        s.query(
            "CREATE TABLE d.samples (time UInt64 CODEC(Delta, ZSTD(3)), stack UInt32 "
            "CODEC(ZSTD(3)), pid UInt32 CODEC(ZSTD(3)), tid UInt32 CODEC(ZSTD(3)), comm "
            "LowCardinality(String) CODEC(ZSTD(3)), thread LowCardinality(String) CODEC(ZSTD(3))) "
            "ENGINE = MergeTree ORDER BY time"
        )
        s.query(f"INSERT INTO d.samples SELECT * FROM file('{csv}', 'CSVWithNames')")
        s.query("OPTIMIZE TABLE d.samples FINAL")
        s.close()

    def open(self):
        s = self.session.Session(self.path)
        return lambda sql: str(s.query(sql.replace("samples", "d.samples"), "CSV")), s.close

    def bytes(self):
        s = self.session.Session(self.path)
        n = int(str(s.query("SELECT sum(bytes_on_disk) FROM system.parts WHERE active", "CSV")))
        s.close()
        return n


def compare(engine, csv, samples, hours):
    engine.load(csv)
    print(f"\n{engine.name} {engine.version}: {engine.bytes() / samples:.2f} bytes a sample")
    for what, sql in questions(hours).items():
        least = {"cold": [1e9, 1e9], "warm": [1e9, 1e9]}
        for _ in range(ROUNDS):
            make_cold(engine.path)
            ask, close = engine.open()
            for state in ("cold", "warm"):
                wall, cpu = timed(lambda: ask(f"SELECT count(*), max(n) FROM ({sql}) AS a"))
                least[state] = [min(least[state][0], wall), min(least[state][1], cpu)]
            close()
        for state, (wall, cpu) in least.items():
            print(f"{what:28} {wall * 1e3:8.1f} ms, {cpu * 1e3:8.1f} ms of CPU, {state}")


def pprof_files(hearth, store, hours, folder):
    size = samples = 0
    for i in range(PPROF_FILES):
        begin = START_MS // 1000 + hours * 3600 * i // PPROF_FILES // 10 * 10
        window = ["--store", store, "--from", str(begin), "--until", str(begin + 10)]
        name = f"{folder}/{i}.pb.gz"
        subprocess.run([hearth, "export", *window, "-o", name], check=True, stderr=subprocess.PIPE)
        folded = subprocess.run(
            [hearth, "export", *window, "--format", "folded"], check=True, capture_output=True
        ).stdout
        size += os.path.getsize(name)
        samples += sum(int(line.rsplit(b" ", 1)[1]) for line in folded.splitlines())
    print(f"\npprof, gzip'd, 10 s a file: {size / samples:.2f} bytes a sample (no times in them)")


def main():
    bench_store, day_rows, hearth = sys.argv[1:4]
    hours = int(sys.argv[4]) if len(sys.argv) > 4 else 2
    with tempfile.TemporaryDirectory() as folder:
        out = subprocess.run(
            [bench_store, str(hours), folder], check=True, capture_output=True, text=True
        ).stdout
        print(out, end="")
        store = re.search(r"^kept: (.*)$", out, re.M).group(1)
        pprof_files(hearth, store, hours, folder)
        csv = f"{folder}/samples.csv"
        with open(csv, "wb") as f:
            subprocess.run([day_rows, str(hours)], check=True, stdout=f)
        with open(csv, "rb") as f:
            samples = sum(1 for _ in f) - 1
        for engine in (DuckDB, ClickHouse):
            try:
                one = engine(folder)
            except ImportError as e:
                print(f"\n{engine.name}: left out, {e}")
                continue
            compare(one, csv, samples, hours)


if __name__ == "__main__":
    main()
