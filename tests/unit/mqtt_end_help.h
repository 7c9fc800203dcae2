/* An MQTT client at a worker, on the test's own clock; the test is the client, and the hub. */
#ifndef TESTS_UNIT_MQTT_END_HELP_H
#define TESTS_UNIT_MQTT_END_HELP_H

#include "gateway/hub/devices/device_table.h"
#include "gateway/hub/mqtt/mqtt_end.h"
#include "gateway/hub/mqtt/mqtt_notice.h"
#include "gateway/hub/mqtt/mqtt_session.h"
#include "tests/support/clock.h"
#include "tests/support/memory.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define SERIAL 7
#define TICK_MS 1001 /* the table looks at its links each time */
#define NOTIFY "$aws/things/press7/tunnels/notify"
#define BYTES(text) (text), sizeof(text) - 1
#define COUNT(a) (sizeof(a) / sizeof *(a))
#define EXPECT(text) expect(BYTES(text))

extern struct loop *loop;
extern struct device_table *table;
extern int fd;                      /* the client's end */
extern struct device_ticket ticket; /* with which it will join */
extern size_t memory_at;            /* the request for memory that fails when it joins; 0: none */
extern size_t n_said, departed;
extern struct mqtt_said said; /* the last one */
extern char said_text[MQTT_SAID_TEXT_MAX + 1];
extern struct device_gone last;
extern size_t n_in; /* bytes that the client has received and not looked at */
extern bool in_ended;
/* Of the client's stream at the worker, which watches over its contract: nothing is written once it
 * is shut. */
extern bool shut, reading;

/* ---- both sides; what each does is said where it is ---- */

void run_a_while(void);
void join(void);
int begin(void **state);
int end(void **state);
void later(uint64_t ms);
void say(const void *p, size_t n);
void say_times(const void *p, size_t n, size_t times);
void take(void);
void expect(const void *p, size_t n);
void expect_nothing(void);
size_t take_pongs(void);
size_t subscribe(uint8_t *out, const char *filter, size_t times, uint8_t qos);
void say_subscribe(const char *filter, uint8_t qos);
void say_publish(const char *topic, size_t payload);
void expect_thrown_out(enum err why);
void expect_gone(enum err why, const char *text);
void publish(const char *payload, bool again);
void publish_much(size_t n);
void send_away(void);
void fill_up(void);

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

#endif
