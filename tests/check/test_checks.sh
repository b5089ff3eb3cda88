#!/bin/sh
# timeout: 240
# Every check fails when its rule is broken: on a small tree that holds to all rules, one violation at a time.
set -u
unset MAKEFLAGS MAKELEVEL
root=$(pwd)
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT

# A small tree that is in order.
fresh_tree() {
	rm -rf "$scratch/tree"
	mkdir -p "$scratch/tree/tests"
	cd "$scratch/tree" || exit 1
	cp -r "$root/Makefile" "$root/tools" "$root/.clang-format" "$root/.clang-tidy" .
	cp "$root/tests/run" tests/
	mkdir -p stack/base stack/wire stack/core drivers apps build
	cat >stack/base/number.h <<'END'
#ifndef TAPIR_BASE_NUMBER_H
#define TAPIR_BASE_NUMBER_H

#include <stdint.h>

uint32_t number_twice(uint32_t x);

#endif
END
	cat >stack/base/number.c <<'END'
/* Numbers. */
#include "stack/base/number.h"

uint32_t number_twice(uint32_t x)
{
	return 2 * x;
}
END
	cat >stack/wire/byte.c <<'END'
/* Bytes. */
#include <string.h>

#include "stack/base/number.h"

/* A table of addresses is data that only the loader writes: no global. */
static const char *const names[] = {"one", "two"};

uint32_t byte_zero(uint8_t *p, uint32_t n);

uint32_t byte_zero(uint8_t *p, uint32_t n)
{
	memset(p, 0, n);
	return number_twice((uint32_t)strlen(names[n & 1]));
}
END
	printf '/* The system. */\n#include <unistd.h>\n\nint tap_id(void);\n\nint tap_id(void)\n{\n\treturn getpid();\n}\n' >drivers/tap.c
	cd "$root" || exit 1
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

# accepts NAME TARGET: the tree as it is passes
accepts() {
	if make -s -C "$scratch/tree" "$2" >"$scratch/out" 2>&1; then result yes "$1"; else result no "$1"; fi
}

# refuses NAME TARGET TEXT: it fails, and says TEXT
refuses() {
	if make -s -C "$scratch/tree" "$2" >"$scratch/out" 2>&1; then
		result no "$1"
	elif grep -qF -- "$3" "$scratch/out"; then
		result yes "$1"
	else
		result no "$1"
	fi
}

# breaks NAME TARGET TEXT FILE: a fresh tree, and FILE gets stdin added at its end
breaks() {
	fresh_tree
	mkdir -p "$(dirname "$scratch/tree/$4")"
	cat >>"$scratch/tree/$4"
	refuses "$1" "$2" "$3"
}

echo "# suite check/test_checks"

fresh_tree
for target in check-layers check-headers check-purity check-style; do
	accepts "a_tree_in_order_passes_$target" $target
done

breaks include_going_up check-layers 'stack/base may not include stack/wire' stack/base/number.c <<'END'
#include "stack/wire/byte.h"
END
breaks include_across_layers check-layers 'stack/udp may not include stack/tcp' stack/udp/udp.c <<'END'
#include "stack/tcp/tcp.h"
END
breaks driver_looks_into_the_stack check-layers 'drivers may not include stack/core' drivers/tap.c <<'END'
#include "stack/core/pkt.h"
END
breaks resolver_looks_into_the_stack check-layers 'dns may not include stack/udp' dns/dns.c <<'END'
#include "stack/udp/udp.h"
END
breaks resolver_goes_round_the_shared_header check-layers 'dns may not include stack/base' dns/cache.c <<'END'
#include "stack/base/number.h"
END
breaks tls_goes_round_the_shared_header check-layers 'tls may not include stack/base' tls/tls.c <<'END'
#include "stack/base/number.h"
END
breaks shared_header_knows_a_protocol check-layers 'shared may not include stack/wire' stack/base.h <<'END'
#include "stack/wire/byte.h"
END
breaks shared_header_in_the_core check-layers 'stack/udp may not include shared' stack/udp/udp.c <<'END'
#include "stack/base.h"
END
breaks shared_header_in_a_public_one check-layers 'public may not include shared' stack/tapir.h <<'END'
#include "stack/base.h"
END
breaks shared_header_in_a_driver check-layers 'drivers may not include shared' drivers/tap.c <<'END'
#include "stack/base.h"
END
breaks shared_header_in_a_command check-layers 'apps may not include shared' apps/dig.c <<'END'
#include "stack/base.h"
END
breaks shared_header_in_an_installed_one_of_the_resolver check-layers 'resolver may not include shared' dns/dns.h <<'END'
#include "stack/base.h"
END
breaks installed_header_of_the_resolver_includes_another check-layers 'resolver may not include dns (dns/cache.h)' dns/msg.h <<'END'
#include "dns/cache.h"
END
breaks resolver_includes_a_driver check-layers 'dns may not include drivers' dns/dns.c <<'END'
#include "drivers/names.h"
END
breaks driver_includes_a_command check-layers 'drivers may not include apps' drivers/tap.c <<'END'
#include "apps/dig.h"
END
fresh_tree
mkdir -p "$scratch/tree/dns" "$scratch/tree/tls"
printf '#ifndef TAPIR_BASE_H\n#define TAPIR_BASE_H\n#include "stack/base/number.h"\n#endif\n' >"$scratch/tree/stack/base.h"
printf '#include "dns/name.h"\n#include "stack/base.h"\n#include "stack/tapir.h"\n' >"$scratch/tree/dns/dns.c"
printf '#include "stack/base.h"\n#include "stack/socket.h"\n' >"$scratch/tree/tls/tls.c"
printf '#include "dns/dns.h"\n#include "dns/hosts.h"\n#include "stack/tapir.h"\n' >"$scratch/tree/drivers/names.c"
accepts the_shared_header_in_dns_and_tls_and_dns_in_a_driver check-layers

breaks public_header_includes_a_private_one check-layers 'public may not include stack/base' stack/tapir.h <<'END'
#include "stack/base/number.h"
END
breaks include_path_not_from_the_root check-layers 'include paths start at the root' stack/base/number.c <<'END'
#include "number.h"
END
breaks system_header_in_the_core check-layers 'the core may not include <time.h>' stack/core/clock.c <<'END'
#include <time.h>
END
breaks json_in_the_library check-layers 'JSON stays in apps/' drivers/tap.c <<'END'
#include <jansson.h>
END
breaks system_header_in_the_simulated_link check-layers 'the core may not include <stdio.h>' drivers/simlink.c <<'END'
#include <stdio.h>
END

breaks state_written_by_another check-layers 'only tcp_set_state() writes' stack/tcp/tcp_user.c <<'END'
void f(struct tcp_conn *c) { c->ep.state = 7; }
END
breaks segment_sent_by_another check-layers 'a segment leaves by tcp_output' stack/tcp/tcp_input.c <<'END'
void f(struct tapir *t) { tcp_xmit(t, 0); }
END
breaks packet_lost_by_another check-layers 'a packet is lost by pkt_drop' stack/udp/udp.c <<'END'
void f(struct tapir *t) { t->stats.drop[1]++; }
END

breaks header_that_needs_another check-headers 'does not compile alone' stack/base/size.h <<'END'
#ifndef TAPIR_BASE_SIZE_H
#define TAPIR_BASE_SIZE_H
uint32_t size_of(void);
#endif
END
breaks header_without_a_guard check-headers 'has no include guard' stack/base/size.h <<'END'
struct size;
END

breaks global_with_a_value check-purity 'bytes in .data' stack/base/number.c <<'END'
int number_global = 1;
END
breaks global_without_a_value check-purity 'bytes in .bss' stack/base/number.c <<'END'
int number_global;
END
breaks static_in_a_function check-purity 'bytes in .bss' stack/base/number.c <<'END'
int number_count(void);
int number_count(void)
{
	static int n;
	return ++n;
}
END
breaks thread_local check-purity 'bytes in .tbss' stack/base/number.c <<'END'
_Thread_local int number_mine;
END
breaks table_of_pointers_that_is_not_const check-purity 'bytes in .data.rel' stack/base/number.c <<'END'
const char *number_names[] = {"one", "two"};
END
breaks constructor check-purity 'bytes in .init_array' stack/base/number.c <<'END'
static __attribute__((constructor)) void number_start(void)
{
	__asm__ volatile("");
}
END
breaks call_of_malloc check-purity 'undefined symbol malloc' stack/base/number.c <<'END'
#include <stddef.h>
void *malloc(size_t n);
void *number_new(void);
void *number_new(void)
{
	return malloc(8);
}
END
breaks call_of_the_clock_in_the_simulated_link check-purity 'drivers/simlink.o: undefined symbol clock_gettime' drivers/simlink.c <<'END'
int clock_gettime(int clock, void *ts);
int simlink_now(void *ts);
int simlink_now(void *ts)
{
	return clock_gettime(1, ts);
}
END
breaks call_of_libm check-purity 'undefined symbol cbrt' stack/base/number.c <<'END'
double cbrt(double x);
double number_root(double x);
double number_root(double x)
{
	return cbrt(x);
}
END
case $(uname -m) in
x86_64)
	breaks clock_read_by_instruction check-purity 'reads no clock' stack/base/number.c <<'END'
unsigned long long number_now(void);
unsigned long long number_now(void)
{
	return __builtin_ia32_rdtsc();
}
END
	;;
esac

if [ "$(clang-format --version | sed 's/.*version \([0-9]*\).*/\1/')" = 14 ]; then
	breaks unformatted check-style 'stack/base/number.c' stack/base/number.c <<'END'

int  number_spaced( void );
END
fi

fresh_tree
{
	printf '\nint number_long(void);\n\nint number_long(void)\n{\n'
	i=0
	while [ $i -lt 101 ]; do
		echo '	__asm__ volatile("");'
		i=$((i + 1))
	done
	printf '\treturn 0;\n}\n'
} >>"$scratch/tree/stack/base/number.c"
refuses function_too_long check-style '102 lines in int number_long(void)'
sed -i 's,^int number_long(void)$,/* long: a list */\n&,' "$scratch/tree/stack/base/number.c"
accepts function_long_with_a_reason check-style

fresh_tree
yes '/* filler */' | head -n 900 >>"$scratch/tree/stack/base/number.c"
refuses file_too_long check-style '907 lines'

breaks mistake_that_clang_tidy_sees check-style 'clang-analyzer-core.DivideZero' stack/base/number.c <<'END'

int number_share(int n);

int number_share(int n)
{
	return n == 0 ? 100 / n : 1;
}
END
breaks mistake_that_cppcheck_sees check-style 'arrayIndexOutOfBounds' stack/base/number.c <<'END'

int number_third(int x);

int number_third(int x)
{
	int a[3] = {x, x, x};

	for (int i = 0; i < 3; i++)
		a[i] = i;
	return a[3];
}
END

echo "1..$number"
