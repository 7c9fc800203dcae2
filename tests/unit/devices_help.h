/* The registry of devices in a folder of its own, with its own clock; or another registry, which
 * its test gives. */
#ifndef TESTS_UNIT_DEVICES_HELP_H
#define TESTS_UNIT_DEVICES_HELP_H

#include "gateway/hub/devices/device_registry.h"
#include "tests/support/registry.h"

extern struct loop *loop;
extern struct registry *tunnels;
extern struct device_registry *devices;
extern int64_t clock_ms, start_ms; /* at the beginning of the test */

/* How the registry under test is opened with what it had, and closed. */
struct devices_backend {
    void (*open)(void);
    void (*close)(void);
    int64_t (*start)(void); /* what the clock begins with; NULL: a fixed time */
    /* Answers come in the order of asking, also about several devices, and what needs no store is
     * answered from inside. */
    bool in_turn;
};
extern const struct devices_backend *devices_backend; /* the local one */
int64_t devices_now(void);

/* What subscribers were told since the beginning. */
extern int n_enrolled, n_changed, n_reset, n_removed;
extern char told[129];

void open_devices(void);
void close_devices(void);
void reopen(void);
int setup(void **state);
int teardown(void **state);

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

/* ---- what came ---- */

struct answer {
    int calls;
    enum err why;
    enum enrol_result result;
    struct device_record device; /* a copy; zeroed when there was none */
    char id[64];                 /* of an invitation */
};
void answer_clear(struct answer *a);
void on_device(void *ctx, enum err why, const struct device_record *d);
void on_enrolled(void *ctx, enum enrol_result result, const struct device_record *d);
void on_invitation(void *ctx, enum err why, const struct invitation *i);

/* ---- asking; each waits for the answer ---- */

/* A key of which each byte is `of`. */
const uint8_t *key_of(char of);
/* token NULL: none; key 0: a certificate. */
enum enrol_result enrol(const char *name, char key, const char *token);
void ask_enrol(struct answer *a, const char *name, char key, const char *token);
/* names: globs with blanks between them. Returns the error. */
enum err invite(const char *token, const char *names, int64_t uses, int64_t lifetime_ms);
enum err set_state(const char *name, enum device_state state);
enum err reset(const char *name);
enum err remove_device(const char *name);
enum err create_device(const char *name, const char *azure_id);
/* The name of the device that Azure's clients call so; "": none. */
const char *azure_device(const char *id);
/* The device of that name; NULL: there is none. Good until the next call. */
const struct device_record *get(const char *name);
/* The invitation with that token's hash; NULL: there is none. Good until the next call. */
const struct invitation *invitation_of(const char *token);
size_t list_devices(void);
size_t count_devices(void); /* and waits until that is their number, too */

#endif
