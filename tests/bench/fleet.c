/* Many devices in one process, each with its own key and a real link (gateway/destination's): for
 * scripts/bench --devices. They accept every notice at once and open no tunnel.
 *
 *   fleet HOST:PORT CA-FILE COUNT PREFIX PING-MS [JOIN-TOKEN]
 *
 * Prints "MS PRESENT NOTICES" on standard output whenever one of the two numbers has changed, ten
 * times a second at most; MS is of the monotonic clock. Ends when standard input does. */
#include "core/base/log.h"
#include "core/base/process.h"
#include "gateway/destination/device_link.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_MS 100

struct member {
    struct device_link *link;
    bool here;
};

static struct {
    struct loop *loop;
    struct timer *look;
    struct member *members;
    size_t n, present, notices;
    size_t told_present, told_notices;
} fleet = {.told_present = SIZE_MAX};

static void be(struct member *m, bool here)
{
    fleet.present += here;
    fleet.present -= m->here;
    m->here = here;
}

static void on_status(void *owner, struct device_status *out)
{
    (void)owner;
    out->n_services = 1;
    out->services[0] = span_of("SSH1");
    out->accepting = true;
}

static void on_welcome(void *owner, struct span name, bool enrolled, bool pending)
{
    (void)name, (void)enrolled;
    be(owner, !pending);
}

static void on_notice(void *owner, const struct hub_notice *n)
{
    const struct member *m = owner;
    fleet.notices++;
    device_link_answer(m->link, n->id, true, DEVICE_CODE_UNKNOWN, span_of(""));
}

static void on_withdrawn(void *owner, struct span id)
{
    (void)owner, (void)id;
}

static void on_down(void *owner, enum err why, enum device_reason reason, const char *text)
{
    (void)why, (void)reason, (void)text;
    be(owner, false);
}

static void on_finished(void *owner, enum device_reason reason, const char *text)
{
    (void)owner, (void)reason;
    fprintf(stderr, "fleet: %s\n", text);
    exit(1);
}

static const struct device_link_events events = {.status = on_status,
                                                 .welcome = on_welcome,
                                                 .notice = on_notice,
                                                 .withdrawn = on_withdrawn,
                                                 .down = on_down,
                                                 .finished = on_finished};

static void on_look(void *owner)
{
    (void)owner;
    timer_start(fleet.look, LOOK_MS);
    if (fleet.present == fleet.told_present && fleet.notices == fleet.told_notices)
        return;
    fleet.told_present = fleet.present;
    fleet.told_notices = fleet.notices;
    printf("%llu %zu %zu\n", (unsigned long long)loop_now(fleet.loop), fleet.present,
           fleet.notices);
    fflush(stdout);
}

static void on_input(uv_poll_t *poll, int status, int what)
{
    char c;
    (void)status, (void)what;
    if (fread(&c, 1, 1, stdin) == 0)
        exit(0); /* the hub sees links that break, as with a power cut */
    (void)poll;
}

static void must(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "fleet: %s\n", what);
    exit(1);
}

int main(int argc, char **argv)
{
    char problem[300];
    enum err why;
    uv_poll_t input;
    if (argc < 6) {
        fprintf(stderr, "usage: fleet HOST:PORT CA-FILE COUNT PREFIX PING-MS [JOIN-TOKEN]\n");
        return 1;
    }
    process_begin();
    log_setup(LOG_FATAL, false);
    fleet.loop = loop_new();
    fleet.look = timer_new(fleet.loop, on_look, NULL);
    fleet.n = strtoul(argv[3], NULL, 10);
    fleet.members = calloc(fleet.n, sizeof *fleet.members);
    struct hub_config hub = {.port = 443, .ping_ms = strtoul(argv[5], NULL, 10)};
    must(endpoint_parse(argv[1], &hub.host, &hub.port, problem, sizeof problem) == ERR_OK, problem);
    struct trust *trust =
        trust_new(&(struct trust_sources){.file = argv[2]}, &why, problem, sizeof problem);
    must(trust != NULL, problem);
    for (size_t i = 0; i < fleet.n; i++) {
        char name[128];
        struct device_key key;
        snprintf(name, sizeof name, "%s-%05zu", argv[4], i);
        device_key_make(&key);
        const struct device_link_options o = {
            .loop = fleet.loop,
            .user_agent = "fleet",
            .version = "bench",
            .name = name,
            .key = &key,
            .enrolled = argc<7, .hub = &hub, .join_token = argc> 6 ? argv[6] : NULL,
            .trust = trust};
        fleet.members[i].link = device_link_new(&o, &events, &fleet.members[i], &why);
        must(fleet.members[i].link != NULL, "no memory");
    }
    uv_poll_init(loop_uv(fleet.loop), &input, 0);
    uv_poll_start(&input, UV_READABLE | UV_DISCONNECT, on_input);
    timer_start(fleet.look, LOOK_MS);
    loop_run(fleet.loop);
    return 0;
}
