#!/bin/sh
# The mutation check catches a break that a test shows, and refuses an entry that shows nothing.
set -u
root=$(pwd)
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
tree=$scratch/tree

# A small tree: one function, one test program, one entry.
fresh_tree() {
	rm -rf "$tree"
	mkdir -p "$tree/tools" "$tree/tests/requirements" "$tree/tests/unit/ip" "$tree/stack/ip"
	cp "$root/tools/ledger-mutate" "$tree/tools/"
	cat >"$tree/Makefile" <<'END'
build/plain/tests/unit/ip/test_ip: tests/unit/ip/test_ip.c stack/ip/ip.c
	@mkdir -p $(@D)
	cc -o $@ $^
END
	cat >"$tree/stack/ip/ip.c" <<'END'
int ip_accept(int version, int len)
{
	/* R1122-19 */
	if (version != 4)
		return 0;
	if (len < 20)
		return 0;
	return 1;
}
END
	cat >"$tree/tests/unit/ip/test_ip.c" <<'END'
#include <stdio.h>
#define TEST(name, ids) static int name(void)
int ip_accept(int version, int len);
TEST(other_version_is_dropped, "R1122-19")
{
	return ip_accept(6, 40) == 0;
}
TEST(short_packet_may_do_what_it_likes, "R6274-1")
{
	return ip_accept(4, 10) >= 0;
}
TEST(good_one_is_taken, "")
{
	return ip_accept(4, 20);
}
int main(void)
{
	printf("1..3\n%sok 1 - other_version_is_dropped\n", other_version_is_dropped() ? "" : "not ");
	printf("%sok 2 - short_packet_may_do_what_it_likes\n", short_packet_may_do_what_it_likes() ? "" : "not ");
	printf("%sok 3 - good_one_is_taken\n", good_one_is_taken() ? "" : "not ");
	return 0;
}
END
	printf '# entries\nR1122-19\tstack/ip/ip.c\tif (version != 4)\tif (0)\tunit/ip/test_ip\n' \
		>"$tree/tests/requirements/mutations.tsv"
}

number=0
result() { # good name
	number=$((number + 1))
	if [ "$1" = yes ]; then
		echo "ok $number - $2"
	else
		echo "not ok $number - $2"
		sed 's/^/# /' "$scratch/out" | head -n 30
	fi
}

mutate() {
	sh "$tree/tools/ledger-mutate" "$@" >"$scratch/out" 2>&1
}

# accepts NAME TEXT OPTION...: holds, and says TEXT
accepts() {
	name=$1 text=$2
	shift 2
	if mutate "$@" && tr -s ' ' <"$scratch/out" | grep -qF -- "$text"; then result yes "$name"; else result no "$name"; fi
}

# refuses NAME TEXT OPTION...: fails, and says TEXT
refuses() {
	name=$1 text=$2
	shift 2
	if mutate "$@"; then
		result no "$name"
	elif tr -s ' ' <"$scratch/out" | grep -qF -- "$text"; then
		result yes "$name"
	else
		result no "$name"
	fi
}

entry() {
	printf '%s\t%s\t%s\t%s\t%s\n' "$@" >"$tree/tests/requirements/mutations.tsv"
}

echo "# suite check/test_mutate"

fresh_tree
cp "$tree/stack/ip/ip.c" "$scratch/before"
accepts break_that_a_test_shows 'R1122-19 stack/ip/ip.c:4 unit/ip/test_ip caught by other_version_is_dropped'
if cmp -s "$tree/stack/ip/ip.c" "$scratch/before" && [ ! -e "$tree/build/mutate" ]; then
	result yes tree_is_left_as_it_was
else
	result no tree_is_left_as_it_was
fi
accepts seed_is_printed 'of 1 breaks caught, seed 77' --seed 77

entry R1122-19 stack/ip/ip.c 'sed:s/!= 4/== 99/' - unit/ip/test_ip
accepts break_by_sed 'caught by other_version_is_dropped'

for i in 4 44; do
	printf 'R1122-19\tstack/ip/ip.c\tsed:s/!= 4/== %s/\t-\tunit/ip/test_ip\n' $i
done >"$tree/tests/requirements/mutations.tsv"
accepts one_break_leaves_nothing_to_the_next '2 of 2 breaks caught'

entry R1122-19 stack/ip/ip.c 'if (version != 4)' 'while (1) if (0)' unit/ip/test_ip
MUTATE_SECONDS=1
export MUTATE_SECONDS
accepts break_that_hangs 'caught by other_version_is_dropped (it ended with status 124)'
unset MUTATE_SECONDS

entry R6274-1 stack/ip/ip.c 'if (len < 20)' 'if (0)' unit/ip/test_ip
refuses break_that_no_test_shows 'NOT CAUGHT by short_packet_may_do_what_it_likes'

entry R1122-19 stack/ip/ip.c 'if (len < 20)' 'if (0)' unit/ip/test_ip
refuses test_of_another_id_does_not_count 'NOT CAUGHT by other_version_is_dropped'

entry R1122-20 stack/ip/ip.c 'if (version != 4)' 'if (0)' unit/ip/test_ip
refuses id_that_no_test_carries 'no test of the suite carries the id'

entry R1122-19 stack/ip/ip.c 'if (version != 5)' 'if (0)' unit/ip/test_ip
refuses line_that_is_not_there 'the line is not found'

entry R1122-19 stack/ip/ip.c 'return 0;' ';' unit/ip/test_ip
refuses line_that_is_there_twice 'the line is found more than once'

entry R1122-19 stack/ip/ip.c 'sed:s/!= 5/== 99/' - unit/ip/test_ip
refuses sed_that_changes_nothing 'sed changes nothing'

entry R1122-19 stack/ip/ip.c 'if (version != 4)' 'if (' unit/ip/test_ip
refuses break_that_does_not_compile 'does not compile'

entry R1122-19 stack/ip/no.c 'x' 'y' unit/ip/test_ip
refuses file_that_is_not_there 'no such file'

entry R1122-19 stack/ip/ip.c x y unit/ip/test_no
refuses suite_that_is_not_there 'tests/unit/ip/test_no.c is missing'

printf 'R1122-19\tstack/ip/ip.c\n' >"$tree/tests/requirements/mutations.tsv"
refuses line_that_is_no_entry 'not an entry'

fresh_tree
sed 's/version != 4/version == 4/' "$tree/stack/ip/ip.c" >"$scratch/edited"
cp "$scratch/edited" "$tree/stack/ip/ip.c"
entry R1122-19 stack/ip/ip.c 'if (version == 4)' 'if (0)' unit/ip/test_ip
refuses test_that_fails_before_the_break 'does not pass before the break'

fresh_tree
for i in 1 2 3 4 5 6 7 8 9; do
	printf 'X-%s\tstack/ip/ip.c\tif (version != 4)\tif (0)\tunit/ip/test_ip\n' $i
done >"$tree/tests/requirements/mutations.tsv"
mutate --count 3 --seed 5
grep '^X-' "$scratch/out" >"$scratch/first"
mutate --count 3 --seed 5
grep '^X-' "$scratch/out" >"$scratch/second"
mutate --count 3 --seed 6
grep '^X-' "$scratch/out" >"$scratch/third"
if [ "$(wc -l <"$scratch/first")" = 3 ] && cmp -s "$scratch/first" "$scratch/second" &&
	! cmp -s "$scratch/first" "$scratch/third"; then
	result yes seed_gives_the_choice_again
else
	result no seed_gives_the_choice_again
fi

# Looked at only: nothing is built, so that it may be done often.
fresh_tree
rm "$tree/Makefile"
accepts look_at_entries_that_fit '1 of 1 entries fit' --look
entry R1122-19 stack/ip/ip.c 'if (version != 5)' 'if (0)' unit/ip/test_ip
refuses look_at_a_line_that_is_not_there 'R1122-19 stack/ip/ip.c: the line is not found' --look
sh tools/ledger-mutate --look >"$scratch/out" 2>&1
if [ $? -eq 0 ]; then result yes every_entry_fits_this_tree; else result no every_entry_fits_this_tree; fi

echo "1..$number"
