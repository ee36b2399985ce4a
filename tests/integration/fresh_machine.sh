#!/usr/bin/env bash
# quickstart and the unit tests in a Debian 12 that has nothing yet: a bare chroot, without systemd,
# sudo or anything of this machine but its package sources.
#
# fresh_machine.sh SOURCE-DIR. Needs root, debootstrap, the packages' network and about 3 GB in
# TMPDIR; takes minutes. Exit 77 where it cannot run.
set -euo pipefail

source_dir=$(cd "$1" && pwd)

skip() {
	printf 'skipped: %s\n' "$1" >&2
	exit 77
}

fail() {
	printf 'failed: %s\n' "$1" >&2
	exit 1
}

[ "$(id -u)" -eq 0 ] || skip "needs root to make a chroot"
command -v debootstrap >/dev/null || skip "debootstrap is not installed"

# mirror: the first archive that this machine's own sources name for Debian, in either format.
mirror() {
	local file lists=/etc/apt/sources.list
	for file in "$lists" "$lists.d"/*.list "$lists.d"/*.sources; do
		[ ! -f "$file" ] || sed -nE \
			-e 's/^URIs:\s*(\S*\/debian)\/?(\s.*)?$/\1/p' \
			-e 's/^deb\s+(\[[^]]*\]\s+)?(\S*\/debian)\/?\s+bookworm.*/\2/p' \
			"$file"
	done | sed -n 1p
}

from=$(mirror)
[ -n "$from" ] || skip "no Debian archive in /etc/apt"

top=$(mktemp -d "${TMPDIR:-/tmp}/hearth-fresh.XXXXXX")
chroot_dir=$top/root
cleanup() {
	local mounted
	for mounted in proc dev; do
		if mountpoint -q "$chroot_dir/$mounted"; then
			umount -l "$chroot_dir/$mounted"
		fi
	done
	# Never through a mount that would not go.
	rm -rf --one-file-system "$top"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

mkdir "$chroot_dir"
debootstrap --variant=minbase bookworm "$chroot_dir" "$from" >"$top/debootstrap.log" 2>&1 || {
	tail -n 20 "$top/debootstrap.log" >&2
	fail "debootstrap"
}
# Its own /dev: a few nodes, nothing of this machine's disks.
mount -t tmpfs -o mode=755,nosuid none "$chroot_dir/dev"
for node in null:3 zero:5 full:7 random:8 urandom:9; do
	mknod -m 666 "$chroot_dir/dev/${node%:*}" c 1 "${node#*:}"
done
ln -s /proc/self/fd "$chroot_dir/dev/fd"
mkdir -m 1777 "$chroot_dir/dev/shm"
mount -t proc -o nosuid,nodev,noexec proc "$chroot_dir/proc"

# The rest of this machine's package sources: security updates, a proxy, its certificates.
for file in /etc/resolv.conf /etc/hosts /etc/apt/apt.conf /etc/apt/apt.conf.d/*proxy*; do
	[ ! -f "$file" ] || install -D -m 644 "$file" "$chroot_dir$file"
done
printf 'deb %s bookworm main\ndeb %s bookworm-updates main\n' "$from" "$from" \
	>"$chroot_dir/etc/apt/sources.list"

# What git tracks, as it stands in the working tree; without git all but the build trees.
mkdir "$chroot_dir/hearth"
if git -c safe.directory='*' -C "$source_dir" rev-parse --git-dir >/dev/null 2>&1; then
	git -c safe.directory='*' -C "$source_dir" ls-files -z |
		tar -C "$source_dir" --null --files-from=- --ignore-failed-read -c
else
	tar -C "$source_dir" --exclude='./build*' -c .
fi | tar -C "$chroot_dir/hearth" --no-same-owner -x

# inside COMMAND...: in the chroot, with an environment of its own, no terminal, and an end.
inside() {
	local proxy=()
	mapfile -t proxy < <(env | grep -iE '^(http|https|no)_proxy=' || true)
	timeout --kill-after=10 1500 chroot "$chroot_dir" /usr/bin/env -i "${proxy[@]}" \
		PATH=/usr/bin:/bin HOME=/root LANG=C.UTF-8 "$@" </dev/null
}

inside /hearth/profiler/quickstart --build-only || fail "the first quickstart --build-only"
inside test -x /hearth/build/hearth || fail "there is no build/hearth"
inside /hearth/build/hearth --version || fail "build/hearth does not run"

# Again: nothing is installed, so it works without the network, and nothing is built.
built=$(stat -c %Y "$chroot_dir/hearth/build/hearth")
mv "$chroot_dir/usr/bin/apt-get" "$chroot_dir/usr/bin/apt-get.away"
inside /hearth/profiler/quickstart --build-only || fail "the second quickstart --build-only"
mv "$chroot_dir/usr/bin/apt-get.away" "$chroot_dir/usr/bin/apt-get"
[ "$(stat -c %Y "$chroot_dir/hearth/build/hearth")" = "$built" ] || fail "the second built again"

inside /hearth/tests/run unit || fail "tests/run unit"
printf 'quickstart twice and the unit tests: good in a fresh Debian 12\n'
