
#ifndef TESTS_UNIT_NET_HELP_H
#define TESTS_UNIT_NET_HELP_H

#include "tests/support/net.h"

/* ---- streams: reading ---- */

void want_ten(struct probe *p);

/* ---- streams: writing ---- */

uint8_t pattern(size_t i);
void fill(uint8_t *p, size_t at, size_t n);

/* Reads what is there without waiting and checks it; returns how much. */
size_t sip(int fd, size_t at);

/* As sip, whatever the bytes are. */
size_t swallow(int fd);

/* ---- streams: from descriptors ---- */

#define NET_TEST(f) cmocka_unit_test_setup_teardown(f, loop_begin, loop_end)

#endif
