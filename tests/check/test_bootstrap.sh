#!/bin/sh
# timeout: 60
# Bootstrap on machines that lack things: played by a PATH that holds only what the machine is to have. Nothing is
# installed: apt-get and sudo are scripts that note how they were called.
set -u
unset MAKEFLAGS MAKELEVEL
root=$(pwd)
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 1

# A machine with the base system only; `has` adds programs to it.
machine() { # uid
	rm -rf bin tools called
	mkdir -p bin tools
	cp "$root/tools/bootstrap" tools/
	for program in sh cat dirname env grep head find nproc; do
		ln -s "$(command -v $program)" bin/$program
	done
	printf '#!/bin/sh\necho %s\n' "$1" >bin/id
	chmod +x bin/id
}

has() { # name, what it does
	printf '#!/bin/sh\necho "%s $*" >>%s/called\n%s\n' "$1" "$scratch" "$2" >"bin/$1"
	chmod +x "bin/$1"
}

bootstrap() {
	(PATH=$scratch/bin exec sh tools/bootstrap "$@") >out 2>&1 </dev/null
	status=$?
}

number=0
check() { # name: the condition is the status of the command before
	good=$?
	number=$((number + 1))
	if [ $good = 0 ]; then
		echo "ok $number - $1"
	else
		echo "not ok $number - $1"
		sed 's/^/# /' out
		sed 's/^/# called: /' called 2>/dev/null
	fi
}

echo "# suite check/test_bootstrap"

machine 1000
has apt-get ''
bootstrap demo
[ "$status" = 1 ] && grep -q '^apt-get update && apt-get install -y --no-install-recommends make gcc .*curl$' out
check without_rights_it_prints_the_one_command
[ ! -e called ]
check without_rights_it_runs_nothing

machine 1000
bootstrap build
[ "$status" = 1 ] && grep -q 'no apt-get' out
check without_apt_it_names_what_is_missing

machine 0
has apt-get 'for p in make gcc pkg-config; do
	printf "#!/bin/sh\nexit 0\n" >$(dirname "$0")/$p
	'"$(command -v chmod)"' +x $(dirname "$0")/$p
done'
has apt-cache ''
bootstrap build
grep -q '^apt-get install -y --no-install-recommends make gcc' called
check root_installs_without_recommended_packages
grep -q 'bootstrap: installing make gcc' out
check what_is_installed_is_said_first
! grep -q '^apt-get update' called
check lists_that_know_the_packages_are_not_fetched_anew

machine 0
has apt-get 'exit 100'
has apt-cache 'exit 100'
bootstrap build
[ "$status" = 1 ] && grep -q 'apt-get failed' out
check a_failing_apt_get_is_told
grep -q '^apt-get update' called
check lists_that_know_nothing_are_fetched

machine 1000
has apt-get ''
has apt-cache ''
has sudo 'exit 0'
bootstrap build
grep -q '^sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends make' called
check who_may_sudo_installs_through_it

machine 1000
has apt-get ''
has sudo 'exit 1'
bootstrap build
[ "$status" = 1 ] && grep -q '^apt-get update && ' out && ! grep -q 'sudo.*install' called
check who_may_not_sudo_gets_the_command

machine 1000
for program in gcc pkg-config; do has $program ''; done
has make 'echo made'
if [ -e /usr/include/stdio.h ] && [ -e /usr/include/linux/if_tun.h ]; then
	bootstrap build
	[ "$status" = 0 ] && [ "$(cat out)" = made ]
	check with_all_there_it_says_nothing_and_makes
fi

machine 1000
bootstrap everything
[ "$status" = 2 ] && grep -q "'everything' is no goal" out
check an_unknown_goal_is_refused

echo "1..$number"
