/* The relay between two scripted ends: what passes, what is answered, what is thrown out, and that
 * nobody is read while the other side is full. */
#ifndef TESTS_UNIT_RELAY_HELP_H
#define TESTS_UNIT_RELAY_HELP_H

#include "gateway/hub/relay/relay.h"

#include "core/tunnel/frame.h"
#include "gateway/hub/relay/rate_limiter.h"
#include "tests/support/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MESSAGES 512

struct end {
    bool full;     /* not ready */
    bool once;     /* full again after one message */
    bool in_input; /* resume must not come now */
    size_t n;      /* messages got */
    struct message {
        uint8_t *p;
        size_t n;
    } got[MESSAGES];
    int resumed, resumed_at; /* how often, and when: a count of all */
    int code;                /* rejected with it; -1: not */
    char text[128];
};

struct rig {
    struct loop *loop;
    struct relay *relay;
    struct end ends[SIDE_COUNT];
};

extern const struct relay_end_ops ops;
void forget(struct end *e);
struct rig *rig_with(const char *const *services, size_t n);
extern const char *const two[];
void attach(struct rig *r, enum side side);

/* Both ends there, their SERVICE_IDS forgotten. */
struct rig *rig(void);
void unrig(struct rig *r);

/* ---- frames ---- */

size_t put(uint8_t *out, int type, int32_t stream, const char *service, uint32_t connection,
           const void *payload, size_t n);

/* Offers n bytes as one piece, from memory of exactly that size. */
size_t offer(struct rig *r, enum side side, const uint8_t *p, size_t n);

void say(struct rig *r, enum side side, int type, int32_t stream, const char *service,
         uint32_t connection);

/* Message i of that end is this one frame. */
void got(struct rig *r, enum side side, size_t i, int type, int32_t stream, const char *service,
         uint32_t connection);

#endif
