/* Where a load goes: straight to a server, or by SOCKS5 through a proxy. Blocking sockets. */
#ifndef TESTS_BENCH_TARGET_H
#define TESTS_BENCH_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct target {
    uint16_t port; /* on 127.0.0.1: the server's, or the proxy's when name is set */
    char name[256];
    uint16_t name_port;
    uint8_t source; /* comes from 127.0.0.N; 0: from where the system chooses */
};

/* "PORT", or "PORT/NAME:PORT" for a proxy and what to ask it for. False: neither. */
bool target_parse(const char *text, struct target *out);
/* A connected socket with TCP_NODELAY. Ends the program when it cannot be had. */
int target_connect(const struct target *t);

/* All n bytes; false at an end or error. */
bool read_all(int fd, void *p, size_t n);
bool write_all(int fd, const void *p, size_t n);

#endif
