/* Notices over a registry of tunnels, with a clock of their own and a carrier that only notes. */
#ifndef TESTS_UNIT_NOTICES_HELP_H
#define TESTS_UNIT_NOTICES_HELP_H

#include "gateway/hub/devices/notices.h"
#include "tests/unit/registry_help.h"

#define DELIVERIES_MAX (2 * NOTICES_PER_DEVICE)

/* What a device's link was given. */
struct wire {
    bool full; /* it takes nothing now */
    int delivered, withdrawn;
    struct {
        char id[NOTICE_ID_SIZE], tunnel[64], url[64], token[64], service[32], why[64];
        uint64_t answer_ms;
    } at[DELIVERIES_MAX];
    char last_withdrawn[NOTICE_ID_SIZE];
};

/* What a call was answered. */
struct heard {
    int calls;
    enum notice_result result;
    enum device_code code;
    char words[64];
    int64_t since;
    uint64_t took_ms;
};

extern struct notices *notices;
extern uint64_t now_ms; /* the notices' monotonic clock; clock_ms is their wall clock */
extern uint64_t due_at; /* when they want to be called, as `due` said */
extern int happened;    /* events */
extern const char *unknown_device;
extern const char *notice_token; /* of what is asked for */

int notices_setup(void **state);
int notices_teardown(void **state);
#define NOTICES_TEST(f) cmocka_unit_test_setup_teardown(f, notices_setup, notices_teardown)

/* Ends the notices that there are, and begins anew over the same registry. */
void notices_begin(void);
/* Lets time go by, with what is due in it. */
void pass(uint64_t ms);

/* What wires there are: one that has answers, one that has none, one for streams alone. */
extern const struct notice_carrier wire_carrier, mute_carrier, stream_carrier;
bool arrive_by(const struct notice_carrier *carrier, const char *device, struct wire *link,
               uint64_t uptime_s);
/* By an agent that does not name its tunnels. */
bool arrive(const char *device, struct wire *link, uint64_t uptime_s);
/* By one that does, and has just begun to run; it has that tunnel, or none (NULL). */
bool arrive_with(const char *device, struct wire *link, const char *tunnel);
void leave(const char *device, const struct wire *link);
/* Asks for a tunnel of that id, which need not exist. */
void ask(struct heard *h, const char *device, const char *tunnel, uint64_t timeout_ms);
void ask_stream(struct heard *h, const char *device, const char *url, uint64_t timeout_ms);
void ask_as(struct heard *h, const char *key, const char *device, const char *tunnel,
            uint64_t timeout_ms);
enum notice_taken answer(const char *device, const struct wire *link, const char *id,
                         bool accepted);
void expect_waiting(size_t waiting, size_t kept);

#endif
