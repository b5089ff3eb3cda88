/*
 * What the parts above the stack share with it: structures without protocol knowledge. For dns/ and tls/, which are built in this tree;
 * it is not installed.
 */
#ifndef TAPIR_BASE_H
#define TAPIR_BASE_H

#include "stack/base/assert.h"
#include "stack/base/chacha.h"
#include "stack/base/hash.h"
#include "stack/base/heap.h"
#include "stack/base/list.h"
#include "stack/base/siphash.h"

#endif
