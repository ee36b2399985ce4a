# shellcheck shell=bash
#
# What profiler/quickstart and tests/run share: the packages and the configured build tree. Sourced,
# never run. Nothing here touches the network or the system when nothing is missing.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
program=${0##*/}
# A bare `su` or chroot leaves the sbin folders out, where useradd and bpftool are.
PATH=${PATH:-/usr/local/bin:/usr/bin:/bin}:/usr/local/sbin:/usr/sbin:/sbin
export PATH

say() {
	printf '%s: %s\n' "$program" "$*" >&2
}

die() {
	say "$@"
	exit 1
}

need_root() {
	[ "$(id -u)" -eq 0 ] || die "must run as root, $1: try 'sudo $0'"
}

# packages_wanted SECTION...: lines of PACKAGE WITNESS.
packages_wanted() {
	local section
	for section; do
		awk -v section="$section" '$1 == section { print $2, $3 }' \
			"$root/profiler/dist/packages"
	done
}

# witness_there WITNESS
witness_there() {
	local header
	case $1 in
	-) return 1 ;;
	'<'*'>')
		header=${1#<}
		header=${header%>}
		[ -e "/usr/include/$header" ] || [ -e "/usr/local/include/$header" ] ||
			compgen -G "/usr/include/*-linux-gnu*/$header" >/dev/null
		;;
	*) command -v "$1" >/dev/null ;;
	esac
}

# package_installed PACKAGE
package_installed() {
	command -v dpkg-query >/dev/null &&
		[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# packages_missing SECTION...: one name a line.
packages_missing() {
	local package witness
	packages_wanted "$@" | while read -r package witness; do
		witness_there "$witness" || package_installed "$package" || printf '%s\n' "$package"
	done
}

# packages_install SECTION...: nothing, not even a look at the network, where all is there.
packages_install() {
	local missing system
	mapfile -t missing < <(packages_missing "$@")
	[ ${#missing[@]} -gt 0 ] || return 0
	# shellcheck disable=SC1091
	system=$(. /etc/os-release && printf '%s %s' "${ID-}" "${VERSION_ID-}") || system=unknown
	if [ "$system" != "debian 12" ] || ! command -v apt-get >/dev/null; then
		die "this is ${system% }, not Debian 12: install what these Debian packages hold," \
			"then run $program again: ${missing[*]}"
	fi
	say "installing ${missing[*]}"
	local apt=(apt-get -y -q -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300)
	# A list that cannot be refreshed (a third party's) need not be one that is needed.
	"${apt[@]}" update </dev/null >&2 ||
		say "apt-get update failed; trying with the lists that are there"
	DEBIAN_FRONTEND=noninteractive "${apt[@]}" install --no-install-recommends "${missing[@]}" \
		</dev/null >&2 || die "apt-get could not install ${missing[*]}"
	mapfile -t missing < <(packages_missing "$@")
	[ ${#missing[@]} -eq 0 ] || die "still missing after apt-get: ${missing[*]}"
}

# cached DIR NAME: a value of DIR's CMakeCache.txt; empty where there is none.
cached() {
	[ ! -f "$1/CMakeCache.txt" ] || sed -n "s/^$2:[^=]*=//p" "$1/CMakeCache.txt"
}

# configure DIR CMAKE-ARGUMENT...: another checkout's tree is started afresh, one of ours is kept,
# with its generator.
configure() {
	local dir=$1 home
	shift
	home=$(cached "$dir" CMAKE_HOME_DIRECTORY)
	if [ -n "$home" ] && [ "$home" != "$root" ]; then
		set -- --fresh "$@"
		home=
	fi
	[ -n "$home" ] || set -- -G Ninja "$@"
	cmake -S "$root" -B "$dir" "$@" </dev/null
}
