#!/bin/sh
# tests/script/kernel-differs.tsv, the scripts that the kernel plays otherwise, is a list of reasons and no heap of
# excuses: each script exists and stands there once; each reason is `of the tool: WHY`, or
#	WHAT THE KERNEL DOES; here WHAT WE DO: WHERE IT SAYS SO
# where the last is a section of an RFC, a row of tests/requirements, or a setting of stack/conf.def; and such a
# reason is a row of the table in docs/limits.md, `| WHAT | WHAT WE DO | WHERE |`, which has no others:
# `sh tests/check/test_kernel_differs.sh --write` makes the table anew.
# Each refusal is then shown on a small tree that deserves it.
set -u
root=$(pwd)
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
tree=$scratch/tree

# What the table must hold, in the order of the list.
rows() {
	sed -n '/^#/d; s/^[^\t]*\t\(.*\); here \([^:]*\): \(.*\)/| \1 | \2 | \3 |/p' tests/script/kernel-differs.tsv | awk '!seen[$0]++'
}

if [ "${1-}" = --write ]; then
	rows >"$scratch/rows"
	awk -v rows="$scratch/rows" '
	/^## / { on = /^## Scripts that the kernel plays otherwise/ }
	on && /^[|]/ && !/^[|](---| The kernel [|])/ { next }
	{ print }
	on && /^[|]---/ { while ((getline row < rows) > 0) print row }' docs/limits.md >"$scratch/limits.md" &&
		cat "$scratch/limits.md" >docs/limits.md
	exit
fi

# judge TREE: complains of whatever does not hold there
judge() {
	(
		cd "$1" || exit 1
		find tests/script -name '*.pkt' | sed 's|^tests/script/|S\t|'
		cut -f 1 tests/requirements/*.tsv | sed '/^#/d; s/^/I\t/'
		sed -n 's/^CONF[^"]*"\([^"]*\)".*/C\t\1/p' stack/conf.def
		awk '/^## / { on = /^## Scripts that the kernel plays otherwise/ } on && /^[|]/ { print "D\t" $0 }' docs/limits.md
		grep -v '^#' tests/script/kernel-differs.tsv | sed 's/^/L\t/'
	) | awk -F '\t' '
	function complain(what) { print what; bad = 1 }
	# Where a behaviour is laid down: RFC n n.n, an id that is in the list, or a setting of ours.
	function cites(s,    i, n, w, good) {
		good = s ~ /RFC [0-9]+ [0-9]/
		gsub(/[^A-Za-z0-9._-]+/, " ", s)
		n = split(s, w, " ")
		for (i = 1; i <= n; i++) {
			if (w[i] ~ /^(MUST|SHLD|MAY|EVT|[A-Z]+[0-9]*)-[0-9]+$/) {
				if (w[i] in id) good = 1
				else complain(script ": no requirement is called " w[i])
			}
			if (w[i] ~ /^net\./) {
				if (w[i] in conf) good = 1
				else complain(script ": no setting is called " w[i])
			}
		}
		return good
	}
	$1 == "S" { exists[$2] = 1; next }
	$1 == "I" { id[$2] = 1; next }
	$1 == "C" { conf[$2] = 1; next }
	$1 == "D" { if ($2 !~ /^\|(---| The kernel \|)/) row[$2] = 1; next }
	{
		script = $2
		listed++
		if (NF != 3 || script == "" || $3 == "") complain("not a script, a tab and a reason: " $0)
		if (!(script in exists)) complain(script ": no such script below tests/script")
		if (twice[script]++) complain(script ": listed twice")
		if ($3 ~ /^of the tool: ./) next
		at = index($3, "; here ")
		ours = substr($3, at + 7)
		if (!at || !match(ours, /: .*/)) {
			complain(script ": the reason is not \"what the kernel does; here what we do: where it says so\"")
			next
		}
		if (!cites(substr(ours, RSTART + 2))) complain(script ": cites no section, id or setting: " $3)
		want = "| " substr($3, 1, at - 1) " | " substr(ours, 1, RSTART - 1) " | " substr(ours, RSTART + 2) " |"
		meant[want] = 1
		if (!(want in row) && !said[want]++) complain("docs/limits.md lacks the row: " want)
	}
	END {
		for (r in row) if (!(r in meant)) complain("docs/limits.md has a row that no script stands for: " r)
		if (!listed) complain("the list is empty or missing")
		exit bad
	}'
}

# A small tree that is in order.
fresh_tree() {
	rm -rf "$tree"
	mkdir -p "$tree/tests/script/fin" "$tree/tests/requirements" "$tree/stack" "$tree/docs"
	touch "$tree/tests/script/fin/late.pkt" "$tree/tests/script/fin/early.pkt" "$tree/tests/script/fin/never.pkt"
	printf '# a list\nMUST-61\tMUST\n' >"$tree/tests/requirements/list.tsv"
	printf 'CONF(a, "net.ipv4.tcp_a", 0, 0, 1, 0, "a")\n' >"$tree/stack/conf.def"
	cat >"$tree/docs/limits.md" <<'ROWS'
| Another table | with rows | of its own |

## Scripts that the kernel plays otherwise

| The kernel | Here | Where |
|---|---|---|
| Linux waits | at once | RFC 9293 3.10.7.4 |
| Linux is early | late | net.ipv4.tcp_a |

## Something else

| More | of | this |
ROWS
	printf 'fin/late.pkt\tLinux waits; here at once: RFC 9293 3.10.7.4\nfin/never.pkt\tof the tool: no time\n' \
		>"$tree/tests/script/kernel-differs.tsv"
	printf 'fin/early.pkt\tLinux is early; here late: net.ipv4.tcp_a\n' >>"$tree/tests/script/kernel-differs.tsv"
}

add() {
	printf '%s\t%s\n' "$1" "$2" >>"$tree/tests/script/kernel-differs.tsv"
}

refused() { # what is said
	if judge "$tree" >"$scratch/out"; then return 1; fi
	grep -qF -- "$1" "$scratch/out"
}

# ids: RS-10
test_every_difference_from_the_kernel_is_cited_and_documented() {
	judge "$root" >"$scratch/out"
}

test_a_tree_in_order_is_accepted() {
	judge "$tree" >"$scratch/out"
}

test_a_script_that_is_gone_is_refused() {
	rm "$tree/tests/script/fin/never.pkt"
	refused 'fin/never.pkt: no such script'
}

test_a_script_listed_twice_is_refused() {
	add fin/late.pkt 'of the tool: late'
	refused 'fin/late.pkt: listed twice'
}

test_a_line_without_a_reason_is_refused() {
	sed -i 's/\tof the tool.*//' "$tree/tests/script/kernel-differs.tsv"
	refused 'not a script, a tab and a reason'
}

test_a_reason_without_our_side_is_refused() {
	sed -i 's/; here at once//' "$tree/tests/script/kernel-differs.tsv"
	refused 'fin/late.pkt: the reason is not'
}

test_a_reason_without_a_clause_is_refused() {
	sed -i 's/RFC 9293 3.10.7.4/as it should be/' "$tree/tests/script/kernel-differs.tsv" "$tree/docs/limits.md"
	refused 'fin/late.pkt: cites no section'
}

test_an_id_that_is_no_requirement_is_refused() {
	sed -i 's/RFC 9293 3.10.7.4/MUST-61, MUST-62/' "$tree/tests/script/kernel-differs.tsv" "$tree/docs/limits.md"
	refused 'no requirement is called MUST-62'
}

test_a_setting_that_is_none_is_refused() {
	sed -i 's/tcp_a/tcp_b/' "$tree/tests/script/kernel-differs.tsv" "$tree/docs/limits.md"
	refused 'no setting is called net.ipv4.tcp_b'
}

test_a_difference_that_the_page_lacks_is_refused() {
	sed -i '/Linux waits/d' "$tree/docs/limits.md"
	refused 'lacks the row: | Linux waits | at once | RFC 9293 3.10.7.4 |'
}

test_a_row_of_the_page_without_a_script_is_refused() {
	sed -i '/Linux is early/d' "$tree/tests/script/kernel-differs.tsv"
	refused 'no script stands for: | Linux is early | late |'
}

test_an_empty_list_is_refused() {
	: >"$tree/tests/script/kernel-differs.tsv"
	refused 'the list is empty'
}

echo "# suite check/test_kernel_differs"
number=0
for name in $(sed -n 's/^\(test_[a-z0-9_]*\)() {$/\1/p' "$0"); do
	number=$((number + 1))
	fresh_tree
	: >"$scratch/out"
	words=$(echo "${name#test_}" | tr _ ' ')
	if "$name"; then
		echo "ok $number - $words"
	else
		failed=yes
		echo "not ok $number - $words"
		sed 's/^/# /' "$scratch/out" | head -n 40
	fi
done
echo "1..$number"
[ -z "${failed-}" ]
