/* The desk of devices' links with the real registries and notices, on the test's own clock. What it
 * posts to workers and frontends is kept, and the test plays these. */
#ifndef TESTS_UNIT_DEVICE_DESK_HELP_H
#define TESTS_UNIT_DEVICE_DESK_HELP_H

#include "core/device/hub_message.h"
#include "gateway/hub/device_desk_internal.h"
#include "gateway/hub/mqtt/mqtt_notice.h"
#include "gateway/hub/mqtt/mqtt_session.h"
#include "tests/support/clock.h"
#include "tests/support/memory.h"
#include "tests/unit/devices_help.h"

#define WORKERS 3

extern struct hub hub;
extern int messages_lost; /* messages that could not be made */
extern int alerts[2];     /* devices that came, and went, as hooks hear it */
extern int errors_logged;
extern int refusals; /* of strangers and those that broke rules, the same */

int desk_begin(void **state);
int desk_end(void **state);
#define DESK_TEST(f) cmocka_unit_test_setup_teardown(f, desk_begin, desk_end)
void later(uint64_t ms);

/* ---- what was posted ---- */

/* The first message that nobody has taken, which is of that kind and which the caller frees; waits
 * for it. */
void *expect(enum message_kind kind);
void expect_nothing(void);
void drop_messages(void); /* all that nobody has taken; tickets go back */
bool was_posted(void);

/* ---- frontends ---- */

/* Hands a Hello in: of the device's certificate, or with that key. False: no memory. */
bool say_hello(const char *name, char key, const char *token);
void say_connect(const char *device, const char *client_id, bool clean);
/* The answer's ticket, which is the caller's; NULL: refused for that reason, or with that code. */
struct device_ticket *expect_ticket(void);
void expect_refused(enum device_reason reason);
void expect_code(enum mqtt_code code);
extern uint64_t delay_ms; /* of the last ticket */
/* The client is let in there: the link moves on. */
void move(struct device_ticket *t);
/* The client is lost there, or at its worker. */
void give_back(struct device_ticket *t, enum err why, bool misbehaved);

/* ---- workers ---- */

/* The link moves on to its worker; its serial. */
uint64_t arrive(struct device_ticket *t);
/* A link, from its admission on. */
uint64_t come(const char *name); /* by certificate; welcomed as an enabled device */
uint64_t come_mqtt(const char *name, const char *client_id); /* nothing is posted */
/* That link has ended at its worker. */
void go(uint64_t serial, enum err why, bool misbehaved);
size_t worker_of(uint64_t serial);
/* The next message of a link's, decoded; its texts are good until the next call. */
struct hub_message expect_message(uint64_t serial, enum hub_message_kind kind);
void expect_dismissed(uint64_t serial, enum device_reason reason);
void expect_last(uint64_t serial); /* the same for MQTT */
/* What is published to an MQTT client; good until the next call. */
struct published {
    char topic[512], payload[512];
    bool again;
};
const struct published *expect_published(uint64_t serial);
void say_status(uint64_t serial, const char *service);
void say_answer(uint64_t serial, const char *id, bool accepted);
void say_subscribed(uint64_t serial, uint32_t topics);
void say_mqtt(uint64_t serial, enum mqtt_said_kind kind, const char *text);

/* ---- those who ask ---- */

struct heard {
    int calls;
    enum notice_result result;
    enum device_code code;
};
void ask_for(struct heard *h, const char *device, const char *tunnel, const char *url);
bool is_present(const char *device);
/* Opens a tunnel for the device; its id is good until the next call but three. */
const char *open_tunnel(const char *device, bool on_demand);
enum fate { OPEN, ROTATED, CLOSED }; /* ROTATED: its destination has another token */
enum fate fate_of(const char *tunnel);
/* A number of the desk's metrics, "tunnel_hub_device_links". */
uint64_t metric(const char *name);

#endif
