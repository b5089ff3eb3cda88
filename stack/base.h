/*
 * What dns/ and tls/ share with the core: structures without protocol knowledge. They lie in stack/base, which is
 * the core's own; this is the one way to them from outside, so that the resolver needs no second list, hash table or
 * random generator. It is a layer of its own ("shared" in tools/check-layers) and is not installed: a header for users
 * of the library must not include it, and drivers and applications may not either.
 */
#ifndef TAPIR_STACK_BASE_H
#define TAPIR_STACK_BASE_H

#include "stack/base/assert.h"
#include "stack/base/chacha.h"
#include "stack/base/hash.h"
#include "stack/base/heap.h"
#include "stack/base/list.h"
#include "stack/base/siphash.h"

#endif
