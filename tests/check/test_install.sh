#!/bin/sh
# timeout: 120
# What `make install` leaves is enough to build the documentation's examples from outside of the tree, and
# `make uninstall` takes all of it away again.
set -u
unset MAKEFLAGS MAKELEVEL DESTDIR
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
number=0

check() { # name, command...
	number=$((number + 1))
	name=$1
	shift
	if "$@" >"$scratch/out" 2>&1; then
		echo "ok $number - $name"
	else
		echo "not ok $number - $name"
		sed 's/^/# /' "$scratch/out"
	fi
}

installed() {
	make -s install DESTDIR="$scratch/x y" PREFIX=/opt/tapir &&
		"$scratch/x y/opt/tapir/bin/tapir" --version
}

# From a folder that needs no quotes: pkg-config's output is split by the shell, as in every Makefile.
compiles() (
	make -s install PREFIX="$scratch/opt" || exit 1
	cp docs/example.c docs/example_dns.c "$scratch/"
	cd "$scratch" || exit 1
	flags=$(PKG_CONFIG_PATH=$scratch/opt/lib/pkgconfig pkg-config --cflags --libs tapir) || exit 1
	for example in example example_dns; do
		# shellcheck disable=SC2086
		"${CC:-gcc}" -std=c17 -Wall -Wextra -Wconversion -Werror -o $example $example.c $flags || exit 1
	done
)

# Each installed header alone, from the installed tree alone: none leads back into the core.
stands_alone() (
	cd "$scratch/opt/include/tapir" || exit 1
	[ ! -e stack/base.h ] || { echo "stack/base.h is installed"; exit 1; }
	status=0
	for header in $(find . -name '*.h' | sed 's,^\./,,'); do
		printf '#include "%s"\n' "$header" | "${CC:-gcc}" -std=c17 -Wall -Wextra -Werror -I. -fsyntax-only -x c - || status=1
	done
	exit $status
)

runs() {
	printf '%s\n' 'UDP: ahoy came back from port 7' 'TCP: hello came back' >"$scratch/want"
	"$scratch/example" | diff "$scratch/want" - || return 1
	tr '@' '\t' >"$scratch/want" <<'END'
shop.example: 192.0.2.80 (from a server)
shop.example: 192.0.2.80 (out of the cache)
localhost: 127.0.0.1 (known here)
www.nowhere: Name or service not known (from a server)
shop.example.@@60@IN@CNAME@www.example.
www.example.@@60@IN@MX@10 mail.example.
END
	"$scratch/example_dns" | diff "$scratch/want" -
}

# The commands for gdb are found from where the program was installed.
debugs() {
	gdb -nx -batch -ex 'python print(1)' >/dev/null 2>&1 || {
		[ -f "$scratch/opt/share/tapir/gdb/tapir.py" ] && [ -f "$scratch/opt/share/tapir/gdb/tapirgdb/commands.py" ]
		return
	}
	"$scratch/opt/bin/tapir" demo --gdb --batch >"$scratch/said" && grep 'FIN-WAIT-2 -> TIME-WAIT' "$scratch/said" &&
		[ -z "$(find "$scratch/opt" -name __pycache__)" ]
}

uninstalled() {
	make -s uninstall PREFIX="$scratch/opt" && [ -z "$(find "$scratch/opt" -type f)" ]
}

echo '# suite check/test_install'
echo '1..6'
check 'make install fills DESTDIR, also one with a blank' installed
check 'the examples of docs/ compile against what is installed, without a warning' compiles
check 'each installed header compiles with the installed ones alone' stands_alone
check 'they run and say what they should' runs
check 'tapir demo --gdb runs from where it was installed' debugs
check 'make uninstall leaves no file' uninstalled
