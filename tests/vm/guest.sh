#!/bin/sh
# The first process of the emulated machine: mounts what Hearth reads, runs the tests of the row
# that the kernel's command line names (row=...), says RESULT for each, and powers off.
#
# The shell is busybox's. Proportions are asserted and at least a third of the samples that are due:
# emulated time stretches.
# shellcheck disable=SC2317 # the tests are called by name
# shellcheck disable=SC2154 # the kernel puts row into the environment

/bin/busybox mkdir -p /proc /sys /dev /tmp /etc
/bin/busybox --install -s /bin
export PATH=/hearth:/bin
mount -t proc none /proc
mount -t sysfs none /sys
mount -t devtmpfs none /dev
mount -t tmpfs none /tmp
mount -t cgroup2 none /sys/fs/cgroup
mount -t securityfs none /sys/kernel/security
ip link set lo up
echo root:x:0:0::/:/bin/sh >/etc/passwd
cd /tmp || poweroff -f

echo # the firmware leaves its line open

# check NAME FUNCTION: each command of it must succeed.
check() {
	(
		set -eu
		"$2"
	) >/tmp/log 2>&1 </dev/null
	case $? in
	0) result=ok ;;
	77) result=skip ;;
	*) result=fail ;;
	esac
	[ $result = ok ] || sed 's/^/    /' /tmp/log
	echo "RESULT $1 $result"
}

# shares FOLDED CPU-NS: the samples of a split that has used so much CPU time.
shares() {
	awk -v cpu_ns="$2" '
	function fail(what) { print what; failed = 1 }
	/^split;/ {
		stack = ";" $0 ";"
		sub(/ [0-9]+;$/, ";", stack)
		total += $NF
		frames = split(stack, frame, ";")
		for (i = 3; i < frames; i++)
			if (frame[i - 1] ~ /_\[k\]$/ && frame[i] !~ /_\[k\]$/)
				fail("the kernel calls user code: " $0)
		for (i = 1; i <= 3; i++)
			if (index(stack, ";main;burn;spin_" substr("abc", i, 1) ";"))
				taken[i] += $NF
	}
	END {
		split("50 30 20", due)
		print total " samples in " cpu_ns " ns: " taken[1], taken[2], taken[3]
		if (total < 99 * cpu_ns / 1e9 / 3)
			fail("less than a third of the samples that are due")
		spun = taken[1] + taken[2] + taken[3]
		# The first seconds are walked without tables: here they take their time.
		if (spun < 0.6 * total)
			fail("stacks that do not go through main")
		for (i = 1; i <= 3; i++)
			if (taken[i] < (due[i] - 10) / 100 * spun ||
			    taken[i] > (due[i] + 10) / 100 * spun)
				fail("share " i " is not " due[i] " %")
		exit failed
	}' "$1"
}

cpu_ns() {
	sed -n 's/^cpu_ns //p' "$1"
}

# The first tables take seconds where instructions are emulated, the more when others run beside it.
slower=2
[ "$row" != arm64 ] || slower=3

doctor() {
	hearth doctor
}

split_recorded() {
	hearth record -F 99 -o split.folded -- split $((4 * slower)) >cpu
	shares split.folded "$(cpu_ns cpu)"
}

# For a time: what is due of a program that runs longer is not known, that it is there is.
host_recorded() {
	split 60 &
	load=$!
	hearth record -d $((3 * slower)) -o host.folded || { kill $load && false; }
	kill $load
	awk '/;main;burn;spin_/ { spun += $NF } /_\[k\] / { kernel += $NF } { total += $NF }
	END {
		print total " samples, " spun " of the load, " kernel " in the kernel"
		exit !(spun >= 99 * 3 / 4 && kernel > 0)
	}' host.folded
}

# Cgroups are named by walking kernfs, and selected by it.
cgroup_selected() {
	mkdir -p /sys/fs/cgroup/outer/inner
	split 60 &
	other=$!
	split 60 &
	load=$!
	echo $load >/sys/fs/cgroup/outer/inner/cgroup.procs
	hearth record -d 2 --cgroup /sys/fs/cgroup/outer -o cgroup.json || echo failed >cgroup.json
	kill $other $load
	grep -o '"\(pid\|cgroup\)":"[^"]*"' cgroup.json | sort -u >labels
	cat labels
	printf '"cgroup":"/outer/inner"\n"pid":"%s"\n' $load | cmp - labels
}

# The daemon, its page, its store and its end.
served() {
	hearth serve --store /tmp/store/hearth.db --listen 127.0.0.1:7979 >serve.log 2>&1 &
	daemon=$!
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		if grep -q Open serve.log; then break; fi
		sleep 1
	done
	split $((4 * slower)) >cpu
	sleep 1
	hearth status --store /tmp/store/hearth.db || true
	wget -q -O - http://127.0.0.1:7979/api/v1/status >status.json || true
	hearth status --store /tmp/store/hearth.db >/dev/null && status=0 || status=$?
	kill -TERM $daemon
	wait $daemon && ended=0 || ended=$?
	cat serve.log
	[ "$ended" = 0 ]
	[ "$status" = 0 ]
	grep -q '"processes"' status.json
	hearth export --store /tmp/store/hearth.db --match '{comm="split"}' -o export.folded
	shares export.folded "$(cpu_ns cpu)"
}

doctor_refuses() {
	hearth doctor >doctor.log && r=0 || r=$?
	cat doctor.log
	[ "$r" = 1 ]
	grep -q '^MISSING  lockdown  *confidentiality' doctor.log
	grep -q 'This host cannot be sampled' doctor.log
}

record_refuses() {
	hearth record -d 1 -o refused.folded 2>record.log && r=0 || r=$?
	cat record.log
	[ "$r" = 1 ]
	grep -q 'lockdown' record.log
	[ ! -e refused.folded ]
}

# events_become N: within some seconds so many timers are open in the recording.
events_become() {
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		n=$(find "/proc/$recording/fd" -exec readlink {} \; | grep -c perf_event) || true
		if [ "$n" = "$1" ]; then return 0; fi
		sleep 1
	done
	echo "$n timers on $(cat /sys/devices/system/cpu/online), not $1"
	return 1
}

cpus_come_and_go() {
	[ "$(cat /sys/devices/system/cpu/online)" = 0-1 ]
	split 60 4 &
	load=$!
	hearth record -d 30 -o cpus.folded &
	recording=$!
	trap 'kill $load $recording 2>/dev/null || true' EXIT
	events_become 2
	echo 1 >/sys/devices/system/cpu/cpu2/online
	events_become 3
	echo 0 >/sys/devices/system/cpu/cpu1/online
	events_become 2
	kill -TERM $recording
	wait $recording
	awk '/;spin_/ { n += $NF } END { print n " samples"; exit !n }' cpus.folded
}

on_every_kernel() {
	check doctor doctor
	check split split_recorded
	check host host_recorded
	check cgroup cgroup_selected
	check serve served
	[ "$row" = arm64 ] || check mappings test_integration_mappings
	check filters test_integration_filters
	check kept test_integration_kept
}

case $row in
6.* | arm64) on_every_kernel ;;
lockdown)
	check doctor-refuses doctor_refuses
	check record-refuses record_refuses
	;;
offline-cpus)
	check doctor doctor
	check split split_recorded
	check cpus-come-and-go cpus_come_and_go
	;;
esac
echo "### END"
poweroff -f
