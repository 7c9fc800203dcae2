#include "tests/unit/notices_help.h"

struct notices *notices;

uint64_t now_ms, due_at;

int happened;

const char *unknown_device, *notice_token;

static uint64_t monotonic(void *owner)
{
    (void)owner;
    return now_ms;
}

static int64_t wall(void *owner)
{
    (void)owner;
    return clock_ms;
}

static void on_due(void *owner, uint64_t at)
{
    (void)owner;
    due_at = at;
}

static void on_happened(void *owner, const struct notice_event *e)
{
    (void)owner;
    assert_non_null(e->device);
    assert_non_null(e->tunnel);
    happened++;
}

static void new_token(char *out, size_t size)
{
    static int n;
    snprintf(out, size, "fresh-%d", ++n);
}

static void is_known(void *owner, const char *device,
                     void (*done)(void *ctx, bool known, const char *node), void *ctx)
{
    (void)owner;
    done(ctx, unknown_device == NULL || strcmp(device, unknown_device) != 0, NULL);
}

void notices_begin(void)
{
    notices_free(notices);
    due_at = UINT64_MAX;
    notices = notices_new(&(struct notices_options){.registry = registry,
                                                    .known = is_known,
                                                    .token_new = new_token,
                                                    .now = monotonic,
                                                    .wall = wall,
                                                    .due = on_due,
                                                    .happened = on_happened});
    assert_non_null(notices);
}

int notices_setup(void **state)
{
    if (setup(state) != 0)
        return 1;
    now_ms = 1000;
    happened = 0;
    unknown_device = NULL;
    notice_token = "token-of-it";
    notices_begin();
    return 0;
}

int notices_teardown(void **state)
{
    notices_free(notices);
    notices = NULL;
    return teardown(state);
}

void pass(uint64_t ms)
{
    uint64_t end = now_ms + ms;
    while (due_at <= end) {
        if (due_at > now_ms) {
            clock_ms += (int64_t)(due_at - now_ms);
            now_ms = due_at;
        }
        due_at = notices_tick(notices);
        assert_true(due_at > now_ms);
    }
    clock_ms += (int64_t)(end - now_ms);
    now_ms = end;
}

static bool deliver(void *link, const struct notice_delivery *d)
{
    struct wire *w = link;
    if (w->full)
        return false;
    assert_in_range(w->delivered, 0, DELIVERIES_MAX - 1);
    snprintf(w->at[w->delivered].id, sizeof w->at->id, "%s", d->id);
    snprintf(w->at[w->delivered].tunnel, sizeof w->at->tunnel, "%s", d->tunnel);
    snprintf(w->at[w->delivered].url, sizeof w->at->url, "%s", d->url);
    snprintf(w->at[w->delivered].token, sizeof w->at->token, "%s", d->token);
    snprintf(w->at[w->delivered].service, sizeof w->at->service, "%s", d->service);
    snprintf(w->at[w->delivered].why, sizeof w->at->why, "%s", d->why);
    w->at[w->delivered].answer_ms = d->answer_ms;
    w->delivered++;
    return true;
}

static void withdraw(void *link, const char *id)
{
    struct wire *w = link;
    w->withdrawn++;
    snprintf(w->last_withdrawn, sizeof w->last_withdrawn, "%s", id);
}

const struct notice_carrier wire_carrier = {
    .name = "wire", .tunnels = true, .answers = true, .deliver = deliver, .withdraw = withdraw};
const struct notice_carrier mute_carrier = {
    .name = "mute", .tunnels = true, .deliver = deliver, .withdraw = withdraw};
const struct notice_carrier stream_carrier = {
    .name = "streams", .streams = true, .answers = true, .deliver = deliver, .withdraw = withdraw};

static bool arrive_as(const struct notice_carrier *carrier, const char *device, struct wire *link,
                      uint64_t uptime_s, const struct texts *tunnels)
{
    struct texts services = {0};
    assert_true(texts_add(&services, span_of("SSH1")));
    bool ok = notices_arrived(notices, &(struct device_arrival){.device = device,
                                                                .carrier = carrier,
                                                                .link = link,
                                                                .address = "192.0.2.7:4000",
                                                                .names_tunnels = tunnels != NULL,
                                                                .tunnels = tunnels,
                                                                .status = {.version = "1.0",
                                                                           .services = &services,
                                                                           .accepting = true,
                                                                           .uptime_s = uptime_s}});
    texts_free(&services);
    return ok;
}

bool arrive_by(const struct notice_carrier *carrier, const char *device, struct wire *link,
               uint64_t uptime_s)
{
    return arrive_as(carrier, device, link, uptime_s, NULL);
}

bool arrive(const char *device, struct wire *link, uint64_t uptime_s)
{
    return arrive_as(&wire_carrier, device, link, uptime_s, NULL);
}

bool arrive_with(const char *device, struct wire *link, const char *tunnel)
{
    struct texts tunnels = {0};
    if (tunnel != NULL)
        assert_true(texts_add(&tunnels, span_of(tunnel)));
    bool ok = arrive_as(&wire_carrier, device, link, 0, &tunnels);
    texts_free(&tunnels);
    return ok;
}

void leave(const char *device, const struct wire *link)
{
    notices_left(notices, device, link);
}

static void on_answer(void *ctx, const struct notice_answer *a)
{
    struct heard *h = ctx;
    h->calls++;
    h->result = a->result;
    h->code = a->code;
    h->since = a->since;
    h->took_ms = a->took_ms;
    snprintf(h->words, sizeof h->words, "%s", a->words);
}

void ask_as(struct heard *h, const char *key, const char *device, const char *tunnel,
            uint64_t timeout_ms)
{
    struct texts services = {0};
    assert_true(texts_add(&services, span_of("SSH1")));
    notices_ask(notices,
                &(struct notice){.device = device,
                                 .tunnel = tunnel,
                                 .token = notice_token,
                                 .services = &services,
                                 .service = "SSH1",
                                 .opened_by = key,
                                 .why = "a look",
                                 .timeout_ms = timeout_ms},
                on_answer, h);
    texts_free(&services);
}

void ask_stream(struct heard *h, const char *device, const char *url, uint64_t timeout_ms)
{
    struct texts services = {0};
    assert_true(texts_add(&services, span_of("TestStream")));
    notices_ask(notices,
                &(struct notice){.device = device,
                                 .tunnel = "",
                                 .url = url,
                                 .token = "bearer",
                                 .services = &services,
                                 .service = "TestStream",
                                 .opened_by = "service",
                                 .timeout_ms = timeout_ms},
                on_answer, h);
    texts_free(&services);
}

void ask(struct heard *h, const char *device, const char *tunnel, uint64_t timeout_ms)
{
    ask_as(h, "key1", device, tunnel, timeout_ms);
}

enum notice_taken answer(const char *device, const struct wire *link, const char *id, bool accepted)
{
    return notices_answered(notices, device, link,
                            &(struct notice_reply){.id = id,
                                                   .accepted = accepted,
                                                   .code = DEVICE_CODE_MAINTENANCE,
                                                   .words = accepted ? "" : "not today"});
}

void expect_waiting(size_t waiting, size_t kept)
{
    struct notices_counts c = notices_counts(notices);
    assert_int_equal(c.waiting, waiting);
    assert_int_equal(c.kept, kept);
}
