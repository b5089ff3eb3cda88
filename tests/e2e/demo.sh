#!/bin/sh
# tapir demo and tapir doctor: as root, as a user with namespaces and without a TAP, as one who has neither.
. tests/e2e/lib.sh

# Runs the program as somebody without any right, who can reach it.
as_nobody() {
	cp "$TAPIR" "$scratch/tapir"
	chmod 755 "$scratch" "$scratch/tapir"
	# a --coverage build wants to write what it counted
	mkdir -p -m 777 "$scratch/gcov"
	export GCOV_PREFIX="$scratch/gcov"
	setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all --bounding-set=-all "$scratch/tapir" "$@"
}

need_root() {
	setpriv --reuid 65534 --regid 65534 --clear-groups true 2>/dev/null || skip "only root can become another user"
}

# Within a chroot the kernel gives nobody a user namespace: then a user must be told so, in a line.
user_namespaces() {
	setpriv --reuid 65534 --regid 65534 --clear-groups unshare --user true 2>/dev/null && return 0
	expect_status 1 as_nobody demo >"$scratch/out" 2>"$scratch/err"
	[ "$(wc -l <"$scratch/err")" = 1 ]
	has "$scratch/err" "^tapir demo: a user namespace can't be made: .*run as root"
	return 1
}

shown() { # what the demo must have shown
	has "$scratch/out" '3 packets transmitted, 3 received, 0% packet loss'
	has "$scratch/out" 'HTTP/1.1 200 OK'
	has "$scratch/out" '^  The same'
	has "$scratch/out" 'Exit status 7: refused'
	has "$scratch/out" '^  www\.tapir\.test\.[[:space:]]+300[[:space:]]+IN[[:space:]]+CNAME[[:space:]]+web\.tapir\.test\.$'
	has "$scratch/out" '^  web\.tapir\.test\.[[:space:]]+300[[:space:]]+IN[[:space:]]+A[[:space:]]+192\.0\.2\.2$'
	has "$scratch/out" 'Asked from port [0-9]+ with ID 0x[0-9a-f]{4}, both random'
	has "$scratch/out" 'from the cache: at once'
	has "$scratch/out" 'Tcp +PassiveOpens +2$'
	has "$scratch/out" 'torn down'
	[ ! -s "$scratch/err" ]
}

test_demo_shows_everything_on_a_tap_and_leaves_nothing() {
	http_proxy=http://192.0.2.99:1/ "$TAPIR" demo >"$scratch/out" 2>"$scratch/err"
	shown
	has "$scratch/out" 'tapir up --dev tap:tap0'
	! ip link show tap0 2>/dev/null
	[ ! -e /tmp/site ] && [ ! -e /tmp/fetched.bin ]
}

# There / is no mount, so that its mounts can't be made private as elsewhere.
test_demo_works_in_a_chroot_of_a_plain_folder() {
	root=$scratch/root
	mkdir -p "$root/dev" "$root/proc" "$root/tmp"
	for folder in /bin /sbin /lib /lib64 /usr /etc; do
		if [ -L $folder ]; then
			cp -P $folder "$root$folder"
		elif [ -d $folder ]; then
			mkdir "$root$folder"
			mount --rbind $folder "$root$folder"
		fi
	done
	mount --rbind /dev "$root/dev"
	mount -t proc proc "$root/proc"
	cp "$TAPIR" "$root/tapir"
	chroot "$root" /tapir demo >"$scratch/out" 2>"$scratch/err" || {
		cat "$scratch/err"
		fail "exit status"
	}
	shown
	[ ! -e "$root/tmp/site" ]
	umount "$root/proc"
	expect_status 1 chroot "$root" /tapir demo 2>"$scratch/err"
	has "$scratch/err" '/proc is not mounted: mount -t proc'
}

test_demo_falls_back_to_a_packet_socket() {
	need_root
	user_namespaces || return 0
	mount -t tmpfs none /dev/net
	as_nobody demo >"$scratch/out" 2>"$scratch/err" || {
		cat "$scratch/out" "$scratch/err"
		fail "exit status"
	}
	shown
	has "$scratch/out" 'No TAP here: /dev/net/tun'
	has "$scratch/out" 'packet socket'
}

test_demo_works_for_a_user_with_a_tap() {
	need_root
	user_namespaces || return 0
	mount -t tmpfs none /dev/net
	mknod -m 666 /dev/net/tun c 10 200 2>/dev/null || skip "no right to make a device"
	as_nobody demo >"$scratch/out" 2>"$scratch/err"
	shown
	has "$scratch/out" 'tapir up --dev tap:tap0'
}

# A user namespace whose own limit lets nobody in it make another, or a network.
without_namespaces() {
	cp "$TAPIR" "$scratch/tapir"
	unshare --user --map-root-user sh -c 'echo 0 >/proc/sys/user/max_user_namespaces
		exec setpriv --inh-caps=-all --bounding-set=-all --no-new-privs "$0" "$@"' "$scratch/tapir" "$@"
}

test_demo_says_what_is_missing_where_nothing_works() {
	user_namespaces || return 0
	expect_status 1 without_namespaces demo >"$scratch/out" 2>"$scratch/err"
	[ "$(wc -l <"$scratch/err")" = 1 ]
	has "$scratch/err" '^tapir demo: .*run as root, or: sudo sysctl -w user.max_user_namespaces=15000'
}

test_demo_without_curl_names_the_package() {
	mkdir "$scratch/bin"
	for folder in /usr/bin /bin /usr/sbin /sbin /usr/local/bin; do
		[ ! -L $folder ] || continue
		for program in ping sha256sum; do
			[ ! -x "$folder/$program" ] || cp "$folder/$program" "$scratch/bin/"
		done
		mount -t tmpfs none $folder 2>/dev/null || true
	done
	got=0
	PATH=$scratch/bin "$TAPIR" demo >"$scratch/out" 2>"$scratch/err" || got=$?
	[ $got = 1 ]
	read -r line <"$scratch/err"
	case $line in
	'tapir demo: curl is missing: sudo apt-get install --no-install-recommends curl') ;;
	*) fail "$line" ;;
	esac
}

test_demo_interrupted_ends_at_once() {
	start demo
	eventually grep -q 'icmp_seq=1' "$scratch/said"
	stop
	! ip link show tap0 2>/dev/null
}

test_doctor_finds_nothing_missing_for_root() {
	"$TAPIR" doctor >"$scratch/out" 2>"$scratch/err"
	has "$scratch/out" '^Nothing is missing'
	has_not "$scratch/out" '^missing'
	[ ! -s "$scratch/err" ]
	[ "$(ip -o link | wc -l)" = 1 ]
}

test_doctor_names_a_missing_tun_and_its_mend() {
	mount -t tmpfs none /dev/net
	expect_status 1 "$TAPIR" doctor >"$scratch/out"
	has "$scratch/out" '^missing  /dev/net/tun .*: sudo '
	has "$scratch/out" '^1 missing'
}

test_doctor_names_forbidden_namespaces_and_the_mend() {
	user_namespaces || {
		expect_status 1 as_nobody doctor >"$scratch/out"
		has "$scratch/out" '^missing  .*run as root'
		return 0
	}
	expect_status 1 without_namespaces doctor >"$scratch/out"
	has "$scratch/out" '^missing  .*sudo sysctl -w user.max_user_namespaces'
	has "$scratch/out" "^note     'tapir up' .*need root"
}

run_tests "$@"
