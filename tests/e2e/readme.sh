#!/bin/sh
# The README's transcripts are typed again and must say the same: numbers, times and addresses in memory aside.
# A block that is to be run stands behind a comment `<!-- readme.sh: NAME -->`.
. tests/e2e/lib.sh
. tests/e2e/lib_dns.sh
top=$PWD

block() { # name
	awk -v mark="<!-- readme.sh: $1 -->" '
		$0 == mark { found = 1; next }
		found && /^```/ { if (inside++) exit; next }
		inside' "$top/README.md" >"$scratch/$1"
	[ -s "$scratch/$1" ] || fail "README.md has no block '$1'"
}

# A folder in which the commands can be typed as they stand; sudo is not needed here.
prepare() {
	mkdir -p "$scratch/clone/build" "$scratch/bin"
	ln -s "$TAPIR" "$scratch/clone/build/tapir"
	printf '#!/bin/sh\nexec "$@"\n' >"$scratch/bin/sudo"
	chmod +x "$scratch/bin/sudo"
	PATH=$scratch/bin:$PATH:$peers
	cd "$scratch/clone" || exit 1
}

commands() { # name of a block: what was typed, without the prompt
	sed -n 's/^\$ //p' "$scratch/$1"
}

# What may differ from one run to the next.
normal() {
	sed -E 's/\r$//; s/^(Date|Last-Modified): .*/\1: .../; s/192\.0\.2\.2/US/g; s/ 0% / no /; s/HTTP\/1\.1 200/HTTP 2xx/
		s/[0-9]+(\.[0-9]+)*/N/g'
}

# Starts the server as the README does: all lines but the last are run, the last one stays.
serve() {
	block server
	commands server | sed '$d' >"$scratch/before"
	sh -e "$scratch/before"
	line=$(commands server | tail -n 1)
	# shellcheck disable=SC2086
	set -- ${line#sudo build/tapir }
	start "$@"
	grep -v '^\$' "$scratch/server" | normal >"$scratch/want"
	normal <"$scratch/said" | diff "$scratch/want" - || fail 'the server says something else than the README'
}

test_ping_and_curl_print_what_the_readme_shows() {
	prepare
	serve
	block client
	commands client >"$scratch/typed"
	while read -r line; do
		echo "\$ $line"
		sh -c "$line" </dev/null
	done <"$scratch/typed" >"$scratch/got" 2>"$scratch/err"
	normal <"$scratch/client" >"$scratch/want"
	normal <"$scratch/got" | diff "$scratch/want" - || fail 'the README shows something else'
	stop
}

test_settings_change_as_the_readme_shows() {
	prepare
	serve
	block settings
	commands settings >"$scratch/typed"
	while read -r line; do
		echo "\$ $line"
		sh -c "$line" </dev/null 2>&1 || true
	done <"$scratch/typed" >"$scratch/got"
	diff "$scratch/settings" "$scratch/got" || fail 'the README shows something else'
	stop
}

# With a name server on the kernel's side, as lib_dns.sh has it.
test_dig_prints_what_the_readme_shows() {
	need nsd
	dns_net
	dns_zones
	dns_start nsd
	prepare
	block dig
	commands dig >"$scratch/typed"
	while read -r line; do
		echo "\$ $line"
		sh -c "$line" </dev/null
	done <"$scratch/typed" >"$scratch/got" 2>"$scratch/err"
	normal <"$scratch/dig" | sed '/^$/d' >"$scratch/want"
	normal <"$scratch/got" | sed '/^$/d' | diff "$scratch/want" - || fail 'the README shows something else'
}

# Without what was typed: gdb shows its prompt and not what a file says to it. Numbers and columns may differ.
answers() {
	sed -E '/^\(gdb\) tapir/d; s/^(\(gdb\) )+//; /^Reading symbols|^A debugging session|^$|Inferior 1|^Quit anyway/d; s/0x[0-9a-f]+/N/g; s/ +/ /g; s/^ //' |
		normal
}

test_stepping_in_gdb_prints_what_the_readme_shows() {
	need gdb
	prepare
	block gdb
	sed -n 's/^(gdb) //p' "$scratch/gdb" >"$scratch/typed"
	[ "$(commands gdb)" = 'build/tapir demo --gdb' ] || fail "the README starts it by '$(commands gdb)'"
	# The program itself, not its name here: beside it are the commands.
	PATH=$peers:$PATH HOME=/nonexistent timeout 50 "$TAPIR" demo --gdb <"$scratch/typed" >"$scratch/got" 2>"$scratch/err" ||
		fail "gdb: $(tail -n 3 "$scratch/err")"
	sed 1d "$scratch/gdb" | answers >"$scratch/want"
	[ "$(wc -l <"$scratch/want")" -gt 40 ] || fail 'the transcript says nothing'
	answers <"$scratch/got" | diff "$scratch/want" - || fail 'the README shows something else: tools/gdb/transcript -w writes it anew'
}

test_what_the_readme_names_is_there() {
	for path in $(grep -oE '\]\([a-z][^)#]*' README.md | cut -c 3-) \
		$(grep -oE '`(stack|drivers|apps|tests|tools|docs)/[A-Za-z0-9_/.-]*`' README.md | tr -d '`'); do
		[ -e "$path" ] || fail "README.md names $path, which is not there"
	done
	for command in $(sed -n 's/^| Programs | \([^|]*\)|.*/\1/p' README.md | grep -oE '`[a-z]+`' | tr -d '`'); do
		"$TAPIR" help "$command" | grep -q "^usage: tapir $command" || fail "README.md names the command $command"
	done
	for goal in $(grep -oE 'make [a-z]+' README.md | cut -d ' ' -f 2 | sort -u); do
		cat Makefile tools/*.mk tools/*/*.mk | grep -q "^$goal:" || case $goal in is | and) ;; *) fail "README.md names make $goal" ;; esac
	done
}

test_limits_md_has_every_setting_and_deviation() {
	sed -n 's/^CONF([^,]*, "\([^"]*\)", [0-9]*, \(-*[0-9a-fx]*\), \(-*[0-9a-fx]*\), \(-*[0-9a-fx]*\),.*/\1 \2 \3 \4/p' stack/conf.def >"$scratch/settings"
	[ "$(wc -l <"$scratch/settings")" = "$(grep -c '^CONF(' stack/conf.def)" ] || fail 'stack/conf.def is not as expected'
	while read -r name least most default; do
		grep -E "^\| .$name.( \[[0-9]\])? \| $default \| $least \.\. $most \|" docs/limits.md >/dev/null ||
			fail "docs/limits.md lacks '$name | $default | $least .. $most', or says it otherwise"
	done <"$scratch/settings"
	for id in $(awk -F '\t' '$5 ~ /^deviation/ { print $1 }' tests/requirements/*.tsv); do
		grep -q "^| $id |" docs/limits.md || fail "docs/limits.md lacks the deviation $id"
	done
	for name in $(grep -oE '(Tapir|TcpExt|Udp|Icmp) [A-Z][A-Za-z0-9]*' docs/limits.md | cut -d ' ' -f 2 | sort -u); do
		grep -qE "STAT\([A-Za-z]*, $name\)" stack/stats.def || fail "docs/limits.md names the counter $name"
	done
	for name in $(grep -oE '[A-Z0-9]+_[A-Z0-9_]+' docs/limits.md | sort -u); do
		grep -q "DROP($name," stack/drop.def || grep -qE "\<TAPIR_$name\>" stack/socket.h || case $name in SO_* | TAPIR_* | TIME_*) ;; *) fail "docs/limits.md names the reason $name" ;; esac
	done
}

# gdb's transcript is of the plain build: other variants inline and instrument.
case ${1-},$BUILD in
,*/build/*) set -- test_ping_and_curl_print_what_the_readme_shows test_dig_prints_what_the_readme_shows test_what_the_readme_names_is_there test_limits_md_has_every_setting_and_deviation ;;
esac
run_tests "$@"
