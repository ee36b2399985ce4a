"""Debian's own programs at work, each for some seconds: what the quality of stacks is measured on.

A load is a shell script that runs in a folder of its own, with $SECONDS_OF_WORK seconds to be busy
in, $SOURCE (this tree) and $PORT (free); it makes the file `ready` when the work begins. Whatever
it starts in the background ends with it: it runs in a cgroup which is emptied afterwards.
"""

import contextlib
import dataclasses
import os
import signal
import socket
import subprocess
import tempfile

import host

SOURCE = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
# What every script begins with: repeated COMMAND... runs it until the time is over.
PROLOGUE = """
set -eu
repeated() {
	end=$(($(date +%s) + SECONDS_OF_WORK))
	while [ "$(date +%s)" -lt $end ]; do "$@"; done
}
"""


@dataclasses.dataclass
class Program:
    name: str
    script: str
    comms: str  # a pattern of the program's own processes: the load's other ones are not judged
    seconds: int = 9
    share: float = 0.995


POSTGRES = r"""
as_postgres="setpriv --reuid=postgres --regid=postgres --clear-groups"
bin=$(ls -d /usr/lib/postgresql/*/bin | tail -1)
chown postgres .
$as_postgres $bin/initdb -D data -A trust -N >/dev/null
$as_postgres $bin/postgres -D data -k "$PWD" -c listen_addresses= -c fsync=off >log 2>&1 &
until $as_postgres $bin/pg_isready -q -h "$PWD"; do sleep 0.1; done
$as_postgres $bin/pgbench -h "$PWD" -q -i -s 2 postgres 2>/dev/null
touch ready
$as_postgres $bin/pgbench -h "$PWD" -c 2 -T $SECONDS_OF_WORK postgres >/dev/null 2>&1
"""

REDIS = r"""
redis-server --port 0 --unixsocket "$PWD/redis" --save '' --appendonly no >/dev/null &
until redis-cli -s redis ping >/dev/null 2>&1; do sleep 0.1; done
touch ready
timeout $SECONDS_OF_WORK redis-benchmark -s redis -t set,get,lpush,lrange_300,zadd,mset \
	-n 100000 -l -q >/dev/null || true
"""

NGINX = r"""
cat >nginx.conf <<END
worker_processes 1;
daemon off;
error_log $PWD/error.log;
pid $PWD/nginx.pid;
events { }
http {
	access_log $PWD/access.log;
	client_body_temp_path $PWD/body;
	proxy_temp_path $PWD/proxy;
	fastcgi_temp_path $PWD/fastcgi;
	uwsgi_temp_path $PWD/uwsgi;
	scgi_temp_path $PWD/scgi;
	gzip on;
	gzip_types *;
	server { listen 127.0.0.1:$PORT; root $PWD/www; }
}
END
chmod 755 .
mkdir www
cp "$SOURCE/README.md" www/index.html
nginx -p "$PWD" -c "$PWD/nginx.conf" 2>/dev/null &
sleep 0.5
touch ready
ab -q -k -c 8 -t $SECONDS_OF_WORK -n 10000000 -H 'Accept-Encoding: gzip' \
	http://127.0.0.1:$PORT/index.html >/dev/null 2>&1
"""

PYTHON = r"""
cat >work.py <<'END'
import json, re, sys, time
end = time.monotonic() + float(sys.argv[1])
text = open(sys.argv[2]).read()
while time.monotonic() < end:
    words = re.findall(r"[a-z]+", text)
    count = {}
    for word in words:
        count[word] = count.get(word, 0) + 1
    order = sorted(count.items(), key=lambda item: (-item[1], item[0]))
    assert json.loads(json.dumps(order)) is not None
END
touch ready
/usr/bin/python3 work.py $SECONDS_OF_WORK "$SOURCE/README.md"
"""

SQLITE = r"""
touch ready
repeated sqlite3 :memory: "
create table t(a integer, b text);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 20000)
insert into t select (i * 7919) % 10007, 'row ' || i from n;
create index t_a on t(a);
select count(*), sum(length(b)) from (select a, b from t order by b) where a % 3 = 0;" >/dev/null
"""

GIT = r"""
git init -q repository
cd repository
cp -r "$SOURCE/storage" "$SOURCE/web" "$SOURCE/profiler" .
git add .
git -c user.name=t -c user.email=t@localhost commit -q -m t
touch ../ready
work() {
	git -c pack.threads=1 repack -q -a -d -f --depth=20
	git fsck --no-progress
	git log --stat -p >/dev/null
}
repeated work
"""

# A tree of its own, just made: one of the host's may have to come from a slow disk first.
FIND = r"""
for folder in $(seq 200); do
	mkdir -p tree/$folder/x1y
	(cd tree/$folder && seq -f file%g 40 | xargs touch)
done
touch ready
repeated find tree -name '*x?y*' -size +1k
"""

PROGRAMS = [
    Program("postgres", POSTGRES, "postgres|pgbench"),
    Program("redis", REDIS, "redis-server|redis-benchmar"),
    Program("nginx", NGINX, "nginx|ab"),
    Program("python", PYTHON, "python3"),
    Program("find", FIND, "find"),
    Program("sqlite", SQLITE, "sqlite3"),
    # Lazily bound, and many short runs: the linker's _dl_runtime_resolve has its CFA by rbx, which
    # is not followed through those that it calls. Six samples in a thousand.
    Program("git", GIT, "git", share=0.99),
    Program(
        "openssl",
        "touch ready; exec >/dev/null 2>&1;"
        " openssl speed -seconds 1 -bytes 8192 sha256 aes-128-cbc rsa2048 ecdsap256 ed25519;"
        " openssl speed -seconds 1 -bytes 8192 -evp chacha20-poly1305",
        "openssl",
    ),
    Program(
        "compress",
        "cat /usr/bin/git >data; touch ready;"
        " work() { gzip -9 -c data >/dev/null; xz -T1 -3 -c data >/dev/null; }; repeated work",
        "gzip|xz",
    ),
    # Short: every process is over before anybody could have looked at it.
    Program(
        "compiler",
        'touch ready; repeated gcc -O2 -c -o out.o "$SOURCE/tests/programs/split.c"',
        "gcc|cc1|as",
        share=0.95,
    ),
]


@contextlib.contextmanager
def running(program, group):
    """The load at work, in this cgroup's folder; from when it is ready until the block ends."""
    with tempfile.TemporaryDirectory() as folder, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        environment = {
            **os.environ,
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "SECONDS_OF_WORK": str(program.seconds),
            "SOURCE": SOURCE,
            "PORT": str(port),
        }
        enter = f"echo $$ >{group}/cgroup.procs\n"
        process = subprocess.Popen(
            ["sh", "-c", enter + PROLOGUE + program.script],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        try:
            host.wait_until(
                lambda: os.path.exists(os.path.join(folder, "ready"))
                or process.poll() not in (None, 0),
                60,
                f"{program.name} is ready",
            )
            yield process
        finally:
            for _ in range(3):  # a server's children may still be made
                with open(os.path.join(group, "cgroup.procs"), encoding="ascii") as procs:
                    for pid in procs.read().split():
                        with contextlib.suppress(ProcessLookupError):
                            os.kill(int(pid), signal.SIGKILL)
            _, errors = process.communicate(timeout=20)
    if process.returncode not in (0, -signal.SIGKILL):
        raise AssertionError(f"{program.name} ended with {process.returncode}: {errors.decode()}")
