/* A native session whose far end says whatever the input holds: after both have met, the input's
 * bytes are tunnel frames, given in pieces that its first byte decides. Whatever they say, nothing
 * crashes, what is held keeps to the budget, and a session that was broken keeps nothing. */
#include "tests/fuzz/far_end.h"

#define BUDGET 300000

static const struct transport transport = {
    .ready = ready, .send = send_message, .resume = resume, .native = true};

static enum err on_services(void *owner, const char *const *ids, size_t n)
{
    (void)owner, (void)ids, (void)n;
    return ERR_OK;
}

/* Every third one is being dialled for ever, and every third one refused. */
static void on_incoming(void *owner, struct conn *c)
{
    struct opening o;
    (void)owner;
    conn_opening(c, &o);
    check(memchr(o.target, '\0', sizeof o.target) != NULL &&
          memchr(o.client, '\0', sizeof o.client) != NULL &&
          memchr(o.asked, '\0', sizeof o.asked) != NULL);
    conn_set_owner(c, &conn_events, NULL);
    if (conn_id(c) % 3 == 0)
        conn_refuse(c, ERR_REFUSED);
    else if (conn_id(c) % 3 == 1 && n_fds < SOCKETS)
        attach(c);
}

static const struct session_events events = {
    .services = on_services, .incoming = on_incoming, .broken = on_broken};

static void give(const struct frame *f)
{
    uint8_t out[300];
    size_t n = frame_encode(f, out, sizeof out);
    check(n > 0 && session_input(session, out, n) == n);
}

/* Both ends meet; the epoch of a second meeting is 2. */
static void meet(uint32_t epoch)
{
    session_attach(session, &transport);
    give(&(struct frame){.type = FRAME_PEER,
                         .attached = true,
                         .epoch = epoch,
                         .subprotocol = span_of(FRAME_NATIVE_PROTOCOL),
                         .instance = span_of("far")});
    give(&(struct frame){.type = FRAME_SERVICE_IDS, .n_services = 1, .services = {{"SSH1", 4}}});
}

static void turn(void)
{
    for (int i = 0; i < 3; i++)
        uv_run(loop_uv(loop), UV_RUN_NOWAIT);
    size_t beyond =
        (session->host.n_live + session->host.n_leaving) * 2 * CONN_RESERVE + BUDGET_BLOCK;
    check(session->host.in.used <= BUDGET + beyond && session->host.out.used <= BUDGET + beyond);
}

static void begin(enum session_role role)
{
    session =
        session_new(loop, &(struct session_options){.role = role, .budget = BUDGET}, &events, NULL);
    check(session != NULL);
    meet(1);
    static const uint8_t features = FRAME_FEATURE_TARGETS;
    give(
        &(struct frame){.type = FRAME_RESUME, .epoch = 1, .payload = &features, .payload_size = 1});
    const struct opening asks = {.target = "10.0.7.20", .port = 502};
    for (int i = 0; role == SESSION_SOURCE && i < 3; i++) {
        enum err why;
        struct conn *c = conn_open(session, "SSH1", i > 1 ? &asks : NULL, &conn_events, NULL, &why);
        check(c != NULL && conn_early(c, "early data", 10));
        if (i > 0)
            attach(c);
    }
    turn();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    log_setup(LOG_OFF, false);
    loop = loop_new();
    check(loop != NULL);
    broken = false;
    n_fds = 0;
    begin(data[0] & 1 ? SESSION_SOURCE : SESSION_DESTINATION);
    size_t step = (data[0] & 2) != 0 ? data[1] + 1U : size, half = size / 2;
    if ((data[0] & 4) != 0 && size > 20) { /* the transport is lost in the middle */
        feed(data + 2, half, step);
        if (!broken) {
            session_lost(session);
            meet(2);
            feed(data + half, size - half, step);
        }
    } else {
        feed(data + 2, size - 2, step);
    }
    if (broken)
        check(session_connections(session) == 0 && session->host.out.used == 0 &&
              session->native.windows == 0);
    session_free(session);
    for (size_t i = 0; i < n_fds; i++)
        close(fds[i]);
    loop_free(loop);
    return 0;
}
