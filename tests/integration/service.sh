#!/usr/bin/env bash
# `hearth serve` with what the systemd unit grants and nothing more: it samples with those
# capabilities alone, and SIGTERM ends it in order, with its workers, in the unit's time.
#
# service.sh BUILD-DIR SOURCE-DIR. Needs root and BPF; exit 77 where the kernel allows no sampling.
set -euo pipefail

hearth=$1/hearth
unit=$2/profiler/dist/hearth.service.in

fail() {
	printf 'failed: %s\n' "$1" >&2
	sed 's/^/hearth: /' "$dir/log" >&2
	exit 1
}

dir=$(mktemp -d "${TMPDIR:-/tmp}/hearth-service.XXXXXX")
daemon=
cleanup() {
	[ -z "$daemon" ] || kill -KILL "$daemon" 2>/dev/null || true
	rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 1' INT TERM
store=$dir/store/hearth.db

if ! "$hearth" doctor >"$dir/log" 2>&1; then
	cat "$dir/log" >&2
	printf 'skipped: this kernel allows no sampling, see above\n' >&2
	exit 77
fi

# "-all,+bpf,+perfmon,...", of all CapabilityBoundingSet= lines together.
capabilities=-all$(sed -n 's/^CapabilityBoundingSet=//p' "$unit" | tr ' ' '\n' |
	sed -n 's/^CAP_/,+/p' | tr -d '\n' | tr '[:upper:]' '[:lower:]')
seconds_to_stop=$(sed -n 's/^TimeoutStopSec=//p' "$unit")

umask 0027
setpriv --no-new-privs --inh-caps=-all --bounding-set="$capabilities" \
	"$hearth" serve --store "$store" --listen 127.0.0.1:0 >"$dir/log" 2>&1 </dev/null &
daemon=$!

# samples KEY: of the status of our store; 0 while there is none.
samples() {
	"$hearth" status --json --store "$store" 2>/dev/null |
		python3 -c 'import json, sys; print(json.load(sys.stdin)["samples"][sys.argv[1]])' \
			"$1" 2>/dev/null || printf '0\n'
}

busy_until=$((SECONDS + 30))
until [ "$(samples stored)" -gt 0 ]; do
	kill -0 "$daemon" 2>/dev/null || fail "it ended by itself"
	[ "$SECONDS" -lt "$busy_until" ] || fail "no sample was stored in 30 s"
done

mapfile -t workers < <(ps -o pid= --ppid "$daemon" | tr -d ' ')
[ ${#workers[@]} -gt 0 ] || fail "it has no workers"

kill -TERM "$daemon"
stop_before=$((SECONDS + seconds_to_stop))
while kill -0 "$daemon" 2>/dev/null; do
	[ "$SECONDS" -le "$stop_before" ] || fail "it still runs $seconds_to_stop s after SIGTERM"
	sleep 0.1
done
status=0
wait "$daemon" || status=$?
daemon=
[ "$status" -eq 0 ] || fail "its exit status is $status"
for worker in "${workers[@]}"; do
	! kill -0 "$worker" 2>/dev/null || fail "its worker $worker outlives it"
done

"$hearth" export --store "$store" --format folded -o "$dir/out.folded" ||
	fail "the store cannot be read"
[ -s "$dir/out.folded" ] || fail "the store is empty"
