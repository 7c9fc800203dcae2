#include "tests/unit/session_help.h"

struct loop *loop;

static bool end_ready(void *ctx)
{
    struct end *e = ctx;
    return e->wire.size < e->room;
}

static bool end_send(void *ctx, uint8_t *p, size_t n)
{
    struct end *e = ctx;
    memset(p - WS_HEADER_MAX, 0xee, WS_HEADER_MAX); /* as a WebSocket would overwrite it */
    assert_true(end_ready(e));
    assert_true(buf_append(&e->wire, p, n));
    return true;
}

static void end_resume(void *ctx)
{
    ((struct end *)ctx)->resume = true;
}

static enum err on_services(void *owner, const char *const *ids, size_t n)
{
    struct end *e = owner;
    (void)ids;
    e->n_ids = n;
    return ERR_OK;
}

static void on_broken(void *owner, enum err why, const char *text)
{
    struct end *e = owner;
    assert_non_null(text);
    e->broken = why;
}

static void on_answer(void *owner, struct conn *c, enum err why)
{
    struct end *e = owner;
    (void)c;
    e->answers++;
    e->answer = why;
}

static void on_ended(void *owner, struct conn *c, const struct conn_stats *stats)
{
    struct end *e = owner;
    (void)c;
    e->ended++;
    e->ended_why = stats->why;
    e->stats = *stats;
}

const struct conn_events conn_events = {.answer = on_answer, .ended = on_ended};

struct stream *pair(int *fd)
{
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
    *fd = fds[1];
    struct stream *s = stream_from_fd(loop, fds[0]);
    assert_non_null(s);
    return s;
}

static void on_incoming(void *owner, struct conn *c)
{
    struct end *e = owner;
    e->incoming++;
    conn_set_owner(c, &conn_events, e);
    if (e->refuse)
        conn_refuse(c, ERR_REFUSED);
    else if (e->hold)
        e->held_conn = c;
    else
        conn_attach(c, pair(&e->service_fd));
}

const struct session_events session_events = {
    .services = on_services,
    .incoming = on_incoming,
    .broken = on_broken,
};

void attach_with(struct end *e, uint64_t stream_idle_ms)
{
    session_attach(e->session, &(struct transport){.ready = end_ready,
                                                   .send = end_send,
                                                   .resume = end_resume,
                                                   .stream_idle_ms = stream_idle_ms,
                                                   .ctx = e});
}

void attach(struct end *e)
{
    attach_with(e, 0);
}

void begin(struct end *e, enum session_role role, int version, size_t queue_limit)
{
    *e = (struct end){.wire.limit = WIRE_MAX, .room = 65536, .service_fd = -1};
    struct session_options o = {
        .role = role, .version = version, .first_stream = 7, .queue_limit = queue_limit};
    e->session = session_new(loop, &o, &session_events, e);
    assert_non_null(e->session);
    attach(e);
}

void finish(struct end *e)
{
    session_free(e->session);
    buf_free(&e->wire);
    if (e->service_fd >= 0)
        close(e->service_fd);
}

void give(struct end *e, struct frame f)
{
    static uint8_t bytes[FRAME_MAX + WS_HEADER_MAX];
    size_t n = frame_encode(&f, bytes, sizeof bytes);
    assert_int_not_equal(n, 0);
    assert_int_equal(session_input(e->session, bytes, n), n);
}

void give_services(struct end *e, size_t n, const char *const *ids)
{
    struct frame f = {.type = FRAME_SERVICE_IDS, .n_services = n};
    for (size_t i = 0; i < n; i++)
        f.services[i] = span_of(ids[i]);
    give(e, f);
}

const char *const two[] = {"SSH1", "HTTP1"};

bool sent(struct end *e, struct frame *f)
{
    static uint8_t bytes[FRAME_MAX];
    struct frame_cutter cutter = {0};
    uint8_t *frame;
    size_t size, used = frame_cut(&cutter, e->wire.data, e->wire.size, &frame, &size);
    if (frame == NULL)
        return false;
    memcpy(bytes, frame, size);
    buf_take(&e->wire, used);
    assert_int_equal(frame_decode(bytes, size, f), ERR_OK);
    return true;
}

void expect(struct end *e, int type, int32_t stream, const char *service, uint32_t connection)
{
    struct frame f;
    assert_true(sent(e, &f));
    assert_string_equal(frame_type_name(f.type), frame_type_name(type));
    assert_int_equal(f.stream, stream);
    assert_true(span_is(f.service, service));
    assert_int_equal(f.connection, connection);
}

void expect_nothing(struct end *e)
{
    assert_int_equal(e->wire.size, 0);
}

int setup(void **state)
{
    (void)state;
    log_setup(LOG_OFF, false);
    loop = loop_new();
    return loop == NULL;
}

int teardown(void **state)
{
    (void)state;
    loop_free(loop);
    return 0;
}

/* ---- what goes over the wire ---- */

struct conn *open_conn(struct end *e, const char *service)
{
    enum err why;
    struct conn *c = conn_open(e->session, service, NULL, &conn_events, e, &why);
    assert_int_equal(why, c != NULL ? ERR_OK : why);
    return c;
}
