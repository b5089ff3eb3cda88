/*
 * Assertions and the few macros that everything uses.
 *
 * An assertion states what must be true between our own functions. It is always compiled in. No
 * byte from the wire and no argument of the application may ever reach one.
 */
#ifndef TAPIR_BASE_ASSERT_H
#define TAPIR_BASE_ASSERT_H

#include <assert.h> /* static_assert; assert() itself is not used */
#include <stddef.h>
#include <stdint.h>

/*
 * Called when an assertion fails; must not return. The core does not define it: the program, each
 * test and each fuzzer bring their own, which say where and stop.
 */
_Noreturn void tapir_panic(const char *file, int line, const char *expr);

#define TAPIR_ASSERT(x)                                      \
	do {                                                 \
		if (!(x))                                    \
			tapir_panic(__FILE__, __LINE__, #x); \
	} while (0)

/* For a place that cannot be reached, such as after a switch over all values of an enum. */
#define TAPIR_UNREACHABLE() tapir_panic(__FILE__, __LINE__, "unreachable")

/* The object of TYPE whose MEMBER is at PTR. */
#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/* Elements of an array (not of a pointer). */
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static inline uint32_t min_u32(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static inline uint32_t max_u32(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

static inline uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static inline uint64_t max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static inline size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

static inline size_t max_size(size_t a, size_t b)
{
	return a > b ? a : b;
}

/* V held within [LO, HI]; LO <= HI. */
static inline uint32_t clamp_u32(uint32_t v, uint32_t lo, uint32_t hi)
{
	return v < lo ? lo : v > hi ? hi : v;
}

static inline uint64_t clamp_u64(uint64_t v, uint64_t lo, uint64_t hi)
{
	return v < lo ? lo : v > hi ? hi : v;
}

#endif
