/* The protocol versions and cipher suites that are spoken, and their order: TLS 1.2, ECDHE,
 * authenticated encryption only. */
#ifndef CORE_TLS_SUITES_H
#define CORE_TLS_SUITES_H

#include <bearssl.h>
#include <stdbool.h>

/* Sets versions, suites and the fastest implementations of everything. AES-GCM goes first when
 * aes_first (share/doc/performance.md: 570 against 168 MB/s with AES instructions, 83 against 330
 * without). */
void suites_setup(br_ssl_engine_context *engine, bool aes_first);

#endif
