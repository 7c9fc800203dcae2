/* A device's link on the test's own clock, with a hub that the test plays, at the other end of a
 * socket that a connector of its own hands out. */
#ifndef TESTS_UNIT_DEVICE_LINK_HELP_H
#define TESTS_UNIT_DEVICE_LINK_HELP_H

#include "core/tunnel/connector.h"
#include "core/ws/frame.h"
#include "gateway/destination/device_link.h"
#include "tests/support/clock.h"
#include "tests/support/memory.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define PING_MS 20000
#define GREETING_MS 30000
#define PONG_MS 15000
#define STEADY_MS 5000
#define RETRY_FIRST_MS 100
#define RETRY_MOST_MS 60000

extern struct loop *loop;
extern struct device_link *l;
extern struct device_link_options options;
extern struct hub_config hub;
extern struct device_key key;
extern int fd; /* the hub's end; -1: there is no connection */

/* ---- the connector ---- */

struct connector {
    struct connector_target target;
    const struct connector_events *events;
    void *owner;
};
extern struct connector try; /* the last one */
extern int started, cancelled;
extern bool connecting, no_connector;

/* ---- what the link tells ---- */

extern int welcomes, notices, withdrawals, downs, finishes;
extern bool enrolled, pending, accepting;
extern char name[DEVICE_NAME_MAX + 1], last_id[DEVICE_LINK_ID_MAX + 1], last_text[500];
extern enum err last_why;
extern enum device_reason last_reason;
extern const struct device_link_events link_events;
extern size_t memory_at; /* the request for memory that fails from the connection on; 0: none */
extern size_t n_in;      /* bytes that the hub has received and not looked at */

/* ---- both sides; what each does is said where it is ---- */

void run_a_while(void);
void later(uint64_t ms);
void hang_up(void);
int begin(void **state);
void start(void);
int end(void **state);
void arrive(void);
void unreached(const struct connector_failure *f);
void raw(enum ws_opcode op, const void *p, size_t n);
void say_challenge(void);
void say_welcome(const char *device, bool is_new, bool waits);
void say_refused(enum device_reason reason, const char *text);
void say_notice(const char *id);
void say_withdrawn(const char *id);
void say_close(int code, const char *text);
void take(void);
struct device_message expect_message(enum device_message_kind kind);
void expect_frame(enum ws_opcode opcode);
void expect_nothing(void);
enum device_link_phase phase(void);
void come_up(void);
void start_and_come_up(void);
void expect_lost(enum err why, const char *words);
void expect_try_within(uint64_t most_ms);

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

#endif
