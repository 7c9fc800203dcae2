/* What each key does: every key of the help screen, prompts, selections that stick, filters, tags,
 * and the question before a stream is closed. */
#ifndef TESTS_UNIT_TUI_UI_HELP_H
#define TESTS_UNIT_TUI_UI_HELP_H

#include "tui/state/columns.h"
#include "tui/state/help.h"
#include "tui/state/keys.h"
#include "tui/state/stream_list.h"
#include "tui/state/ui.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CTRL(c) ((c)&31)
#define F(n) (UIKEY_F + (n))
#define HEAD "{\"schema\":1,\"program\":\"tunnel-gateway\",\"role\":\"source\",\"instance\":\"a\","

#define SERVICES                                                                                   \
    "\"services\":[{\"id\":\"SSH1\",\"tunnel\":\"pump\",\"host\":\"ssh1.tunnel\","                 \
    "\"state\":\"ready\"},{\"id\":\"HTTP1\",\"tunnel\":\"pump\",\"host\":\"http1.tunnel\","        \
    "\"state\":\"ready\",\"open\":2}],"

#define STREAM(id, service, rate)                                                                  \
    "{\"id\":" #id ",\"client\":\"127.0.0.1:" #id "\",\"service\":\"" service                      \
    "\",\"tunnel\":\"pump\",\"state\":\"open\",\"mean_down\":" #rate ",\"rate_down\":" #rate "}"

#define FOUR                                                                                       \
    STREAM(1, "SSH1", 10)                                                                          \
    "," STREAM(2, "HTTP1", 30) "," STREAM(3, "HTTP1", 20) "," STREAM(4, "SSH1", 20)

/* By rate: 2, then 3 and 4 (the same, so by id), then 1. */
extern const char four[];

struct dashboard {
    struct ui ui;
    struct model m;
};

void show(struct dashboard *d, const char *json);
int setup(void **state);
int teardown(void **state);
unsigned press(struct dashboard *d, uint32_t key);
void type(struct dashboard *d, const char *text);
size_t listed(const struct dashboard *d);

/* The stream in the row that is selected. */
uint64_t selected(const struct dashboard *d);

/* ---- the table of keys ---- */

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
