#!/bin/sh
# minidebug.sh PROGRAM OUT: PROGRAM stripped, with MiniDebugInfo in .gnu_debugdata, as Fedora's
# packages are built: the functions that .dynsym does not have, in an ELF file compressed with xz.
set -eu
program=$1
out=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

nm -D "$program" --format=posix --defined-only | awk '{ print $1 }' | sort > "$work/exported"
nm "$program" --format=posix --defined-only |
	awk '$2 == "T" || $2 == "t" { print $1 }' | sort > "$work/functions"
comm -13 "$work/exported" "$work/functions" > "$work/keep"
objcopy --only-keep-debug "$program" "$work/full"
objcopy -S --remove-section .comment --keep-symbols="$work/keep" "$work/full" "$work/mini"
xz -q "$work/mini"
objcopy --strip-all --add-section .gnu_debugdata="$work/mini.xz" "$program" "$out"
