#!/bin/sh
# timeout: 120
# The test runner calls a failure a failure: a crash, a time-out, a broken plan, a skip as root, and no test at all.
set -u
unset MAKEFLAGS MAKELEVEL
root=$(pwd)
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 1
mkdir -p tests/e2e bin
cp "$root/tests/run" tests/
# Who runs it is whoever `id` says; the tests play both root and another user.
printf '#!/bin/sh\necho $PRETEND_UID\n' >bin/id
chmod +x bin/id
PATH=$scratch/bin:$PATH
export PRETEND_UID=1000

number=0
result() { # good name
	number=$((number + 1))
	if [ "$1" = yes ]; then
		echo "ok $number - $2"
	else
		echo "not ok $number - $2"
		sed 's/^/# /' out
	fi
}

# case NAME STATUS TEXT: runs the program on stdin; the run must end with STATUS and say TEXT
runs() {
	cat >tests/e2e/prog.sh
	tests/run -o build tests/e2e/prog.sh >out 2>&1
	status=$?
	if [ "$status" = "$2" ] && grep -qF -- "$3" out; then result yes "$1"; else result no "$1"; fi
}

echo "# suite check/test_run"

runs passes_are_counted 0 '2 passed, 0 failed, 0 skipped' <<'END'
printf '1..2\nok 1 - one\nok 2 - two\n'
END
expected=$(printf 'e2e/prog\tone\tpass\ne2e/prog\ttwo\tpass\n')
if [ "$(cat build/results.tsv)" = "$expected" ]; then result yes results_are_kept; else result no results_are_kept; fi

runs a_failure_fails_the_run 1 '1 passed, 1 failed, 0 skipped' <<'END'
printf '1..2\nok 1 - one\nnot ok 2 - two\n'
exit 1
END
runs a_failure_is_shown_with_its_words 1 '# because of this' <<'END'
printf '1..1\nnot ok 1 - two\n# because of this\n'
exit 1
END
runs a_crash_is_a_failure 1 'killed by signal 11' <<'END'
printf '1..2\nok 1 - one\n'
kill -SEGV $$
END
runs what_a_crash_said_is_shown 1 '| last words' <<'END'
printf '1..2\nok 1 - one\n'
echo last words >&2
kill -ABRT $$
END
runs a_hang_is_a_failure 1 'no end within 1 s' <<'END'
# timeout: 1
printf '1..1\nok 1 - one\n'
sleep 20
END
runs no_plan_is_a_failure 1 'printed no plan' <<'END'
echo hello
END
runs an_empty_program_is_a_failure 1 'printed no plan' </dev/null
runs too_few_results_are_a_failure 1 'planned 3 tests, ran 2' <<'END'
printf '1..3\nok 1 - one\nok 2 - two\n'
END
runs too_many_results_are_a_failure 1 'planned 1 tests, ran 2' <<'END'
printf '1..1\nok 1 - one\nok 2 - two\n'
END
runs a_bad_status_alone_is_a_failure 1 'exit status 3' <<'END'
printf '1..1\nok 1 - one\n'
exit 3
END
runs an_empty_plan_is_a_failure 1 'has no tests' <<'END'
printf '1..0\n'
END
runs a_skip_is_counted 0 '1 passed, 0 failed, 1 skipped' <<'END'
printf '1..2\nok 1 - one\nok 2 - two # SKIP no rights\n'
END
runs a_program_may_skip_all 0 '0 passed, 0 failed, 1 skipped' <<'END'
printf '1..0 # SKIP no rights\n'
END
PRETEND_UID=0
runs a_skip_as_root_fails_the_run 1 'a skip fails the run' <<'END'
printf '1..2\nok 1 - one\nok 2 - two # SKIP no rights\n'
END
PRETEND_UID=1000
if tests/run -o build >out 2>&1 || ! grep -q '^0 passed, 0 failed, 0 skipped$' out; then
	result no no_tests_at_all_fail_the_run
else
	result yes no_tests_at_all_fail_the_run
fi
mkdir -p tools
printf '#!/bin/sh\necho a claim without a test\nexit 1\n' >tools/rfc-ledger
chmod +x tools/rfc-ledger
printf 'printf "1..1\\nok 1 - one\\n"\n' >tests/e2e/prog.sh
if tests/run -l -o build tests/e2e/prog.sh >out 2>&1 || ! grep -q '^1 passed, 1 failed, 0 skipped$' out; then
	result no a_broken_ledger_fails_the_run
else
	result yes a_broken_ledger_fails_the_run
fi
echo "1..$number"
