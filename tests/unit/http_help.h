/* core/http: heads, bodies, credentials. */
#ifndef TESTS_UNIT_HTTP_HELP_H
#define TESTS_UNIT_HTTP_HELP_H

#include "core/http/http.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LIMIT 4096
#define CRLF "\r\n"
#define COUNT(a) (sizeof(a) / sizeof(a)[0])

/* ---- splits ---- */

/* How the input is cut: whole, byte by byte, or at random places. */
struct cut {
    enum { WHOLE, BYTES, RANDOM } how;
    unsigned seed;
};

size_t next_piece(struct cut *cut, size_t left);

#define N_CUTS 12

struct cut cut_number(unsigned i);

/* A copy of exactly n bytes, so that reading past them is found. */
uint8_t *exact(const void *p, size_t n);

/* ---- heads ---- */

struct request {
    const char *text, *method, *target;
    int minor;
    bool keep_alive;
};

#endif
