#!/bin/sh
# timeout: 30
# Settings with Linux's names have Linux's defaults, by linux-defaults.tsv, or a reason there and a row of docs/limits.md.
set -u
here=tests/check
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
number=0

check() { # name, file that is empty if all is well
	number=$((number + 1))
	if [ -s "$2" ]; then
		echo "not ok $number - $1"
		sed 's/^/# /' "$2"
	else
		echo "ok $number - $1"
	fi
}

echo 1..3
# name, index, default of each setting with a name of Linux's
sed -nE 's/^CONF\([a-z0-9_]+, "(net\.[^"]+)", ([0-9]+), -?[0-9]+, -?[0-9]+, (-?[0-9]+),.*/\1\t\2\t\3/p' stack/conf.def |
	grep -v '^net\.tapir\.' >"$scratch/ours"
grep -v '^#' $here/linux-defaults.tsv >"$scratch/linux"
[ "$(wc -l <"$scratch/ours")" -gt 90 ] || echo "stack/conf.def was not understood" >"$scratch/both"
cut -f 1,2 "$scratch/ours" | sort >"$scratch/a"
cut -f 1,2 "$scratch/linux" | sort | diff "$scratch/a" - >>"$scratch/both"
check "each setting with a name of Linux's has a row, and each row a setting" "$scratch/both"

awk -F'\t' 'NR == FNR { ours[$1, $2] = $3; next }
	ours[$1, $2] != $3 && $4 == "" { print $1 "[" $2 "]: ours " ours[$1, $2] ", Linux " $3 ", and no reason" }
	ours[$1, $2] == $3 && $4 != "" { print $1 "[" $2 "]: the same as Linux, so that it needs no reason" }' \
	"$scratch/ours" "$scratch/linux" >"$scratch/values"
check "a default is Linux's or has a reason" "$scratch/values"

awk -F'\t' '$4 != "" && !seen[$1, $4]++ { print $1 "\t" $4 }' "$scratch/linux" |
	while IFS='	' read -r name why; do
		grep -F "| \`$name\` |" docs/limits.md | grep -qF "| $why |" || echo "$name: docs/limits.md lacks it, or its reason '$why'"
	done >"$scratch/docs"
check "docs/limits.md names each default that is not Linux's" "$scratch/docs"
