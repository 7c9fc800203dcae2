/* For tests of the API: one with a real registry in a folder of its own, real keys, limits and
 * audit log, and calls as they come from clients. */
#ifndef TESTS_SUPPORT_API_H
#define TESTS_SUPPORT_API_H

#include "core/aws/sigv4.h"
#include "gateway/hub/api/api.h"
#include "tests/support/net.h"
#include "tests/unit/late_devices.h"
#include "tests/unit/late_registry.h"
#include "tests/unit/registry_view.h"

#include <cjson/cJSON.h>
#include <dirent.h>
#include <sys/stat.h>

#define HERE "127.0.0.1:40000"

#define ELSEWHERE "192.0.2.7:40000"

#define HOST "hub.example:8443"

#define NOW INT64_C(1795207430000) /* 2026-11-20T20:43:50Z */

struct world {
    struct registry *tunnels;  /* in memory */
    struct registry *registry; /* the same, or late_registry.h before it when TEST_LATE is set */
    struct device_registry *devices; /* late_devices.h when TEST_LATE is set */
    struct notices *notices;
    struct audit *audit;
    struct api *api;
    struct keys *keys;
    struct limit_book *limits;
    char folder[64], keys_file[96], limits_file[96], audit_file[96];
    const uint8_t *secrets_key;        /* of the API, or NULL */
    int64_t now;                       /* the API's clock */
    void (*meanwhile)(void);           /* if not NULL: called behind each call */
    struct api_caller_id caller;       /* of the calls to come */
    void (*each_turn)(void);           /* the same: behind each turn of the loop, until an answer */
    int ended[2], rotated[SIDE_COUNT]; /* events of the registry; ended: [1] with removal */
    const char *ended_why;
};
extern struct world world;

struct reply {
    int calls; /* of done */
    int status;
    char request_id[37], error[64];
    char *body;
    cJSON *json;
};
extern struct reply reply;

void reply_clear(void);

/* ---- the world ---- */

/* keys NULL: nobody has one. */
void world_rules(const char *keys, const char *limits);
void world_api(bool unsigned_loopback);
int world_begin(void **state);
/* Frees what the API asks, as a hub that ends: whoever waits is answered. */
void world_close(void);
int world_end(void **state);

/* ---- calls ---- */

/* A UUID, and a body that fits the status. */
void check_reply(void);

/* A request whose head (lines with CRLF, without the empty one) and body are given; the answer may
 * be still to come. */
void begin_ask(const char *client, const char *head, const char *body, struct reply *to);
void ask(const char *client, const char *head, const char *body);

#define HEAD_OF(target)                                                                            \
    "POST / HTTP/1.1\r\nHost: " HOST "\r\nContent-Type: application/x-amz-json-1.1\r\n"            \
    "X-Amz-Target: " target "\r\n"
#define HEAD(target) HEAD_OF("IoTSecuredTunneling." target)

/* operation: with its service ("TunnelHub.CutKey") unless it is one of AWS's. */

/* Unsigned, from this machine. */
void call(const char *operation, const char *body);

void callf(const char *operation, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define SECRET_OF(id) id "-0123456789abcdef" /* the secret of each key in these tests */

/* Signed with that key, from elsewhere. */
void call_as(const char *id, const char *operation, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- what came ---- */

const char *text_of(const char *name);
void must_succeed(void);
void must_fail(const char *error, int status, const char *words);

/* The id of a new tunnel. */
void opened(char id[64]);

/* Of what DescribeTunnel answered. */
const cJSON *tunnel_member(const char *name);
void tunnel_has(const char *name, const char *value);

/* The last line of the audit log, parsed. */
cJSON *last_audit(void);
void audit_has(const char *name, const char *value);

#endif
