/* What a program tells of itself: counts, rates, history, events, and how they are written out. */
#ifndef TESTS_UNIT_MONITOR_HELP_H
#define TESTS_UNIT_MONITOR_HELP_H

#include "core/control/history.h"
#include "core/control/monitor.h"
#include "core/control/report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- a program to be watched ---- */

extern struct monitor *monitor;
extern uint64_t clock_ms;
extern int64_t wall_ms;
void pass(uint64_t ms);
void second(void);

int begin(void **state);
int end(void **state);

/* ---- a program to be watched ---- */

struct monitor_tunnel *add_tunnel(const char *name, struct monitor_tunnel_state *state);

/* A stream of the test, whose counters it sets. */
struct flow {
    struct monitor_stream *stream;
    struct monitor_counters counters;
    bool closed;
};

void look_at_flow(void *ctx, struct monitor_counters *out);
void start(struct flow *f, const char *client);
void serve(struct flow *f, struct monitor_tunnel *t, const char *service);
void finish(struct flow *f, enum err why);

/* ---- reading it ---- */

cJSON *read_with(const struct snapshot_query *wanted);
cJSON *read_all(void);

/* "streams.0.client" */
const cJSON *at(const cJSON *j, const char *path);
double number(const cJSON *j, const char *path);
const char *text(const cJSON *j, const char *path);
void assert_about(double is, double should);

#endif
