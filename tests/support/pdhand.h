#ifndef TAPIR_TESTS_SUPPORT_PDHAND_H
#define TAPIR_TESTS_SUPPORT_PDHAND_H

/*
 * tapir-packetdrill.so, driven by hand: the one that a test has loaded, and a peer.
 */
#include <netinet/in.h>

#include "tests/support/pdlib.h"
#include "tests/support/test.h"

extern struct pdlib pdhand;
#define U pdhand.ifc.userdata

/* The option of a SYN: MSS 1460. */
extern const uint8_t pdhand_mss_opt[4];

/* A test's setup and teardown: loads it without flags, and lets it go. */
int pdhand_setup(void **state);
int pdhand_teardown(void **state);
#define PDHAND(name) cmocka_unit_test_setup_teardown(name, pdhand_setup, pdhand_teardown)

struct sockaddr_in pdhand_addr(uint32_t ip, uint16_t port);
/* A listener of backlog 5. */
int pdhand_listener(uint16_t port);
/* The peer at `sport` opens; returns our ISN. */
uint32_t pdhand_peer_opens(uint16_t sport, uint16_t port);

#endif
