/* A link against a scripted hub (and web proxy) in the same loop: answers, refusals, losses. */
#ifndef TESTS_UNIT_LINK_HELP_H
#define TESTS_UNIT_LINK_HELP_H

#include "core/base/log.h"
#include "core/http/http.h"
#include "core/net/listener.h"
#include "core/tls/tls.h"
#include "core/tunnel/link.h"
#include "core/ws/handshake.h"
#include "core/ws/ws.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* What the hub does with the n-th connection; the last step is repeated. */
struct step {
    const char *answer; /* HTTP answer; NULL: 101 */
    int close_code;     /* > 0: Close at once after SERVICE_IDS */
    const char *reason; /* in it; NULL: "because" */
    bool cut;           /* close the transport at once after the 101 */
    bool mute;          /* never read again after the 101 */
    bool junk;          /* answer the TLS handshake with junk */
    bool native;        /* take tunnel.native-1, and say PEER */
    const char *more;   /* headers of the 101 */
};

struct hub {
    struct loop *loop;
    char dir[64], cert[100], key[100];
    struct identity *identity;
    struct tls_cache *cache;
    struct trust *trust;
    bool asks; /* for the client's certificate */
    char client_name[40];
    struct identity *shown; /* by the client */
    struct listener *listener;
    const struct step *script;
    size_t n_script, accepted;
    const char *proxy_answer; /* not NULL: a CONNECT comes first */
    char proxy_request[1000], request[4000];

    struct stream *stream;
    struct http_reader *reader;
    struct ws *ws;
    uint8_t out[WS_HEADER_MAX + 300];
    int resumed;
};
extern struct hub hub;

struct end {
    struct session *session;
    struct link *link;
    int ups, downs, finishes, services, endings;
    uint64_t left_ms;
    bool free_in_event;
    const char *instance; /* offers native sessions with it */
    enum err why;
    char text[400];
    bool (*done)(void);
};
extern struct end end;

void look(void);

/* ---- the end ---- */

bool is_finished(void);
bool has_services(void);
bool is_down(void);

extern struct link_options given; /* by begin */

void begin(const struct step *script, size_t n, const char *proxy, uint64_t ping_ms);
void run_until(bool (*done)(void));
void over(void);

int setup(void **state);
int teardown(void **state);

#endif
