#include "tests/unit/native_help.h"

#define WIRE_MAX 20000000

struct loop *loop;

struct end e;

uint32_t epoch;

static bool end_ready(void *ctx)
{
    return !((struct end *)ctx)->full;
}

static bool end_send(void *ctx, uint8_t *p, size_t n)
{
    struct end *to = ctx;
    assert_false(to->full);
    assert_true(buf_append(&to->wire, p, n));
    memset(p - WS_HEADER_MAX, 0xee, WS_HEADER_MAX + n);
    return true;
}

static void end_resume(void *ctx)
{
    (void)ctx;
}

static enum err on_services(void *owner, const char *const *ids, size_t n)
{
    (void)owner, (void)ids, (void)n;
    e.services++;
    return ERR_OK;
}

/* As a link does. */
static void on_broken(void *owner, enum err why, const char *text)
{
    (void)owner;
    assert_non_null(text);
    e.broken = why;
    session_lost(e.session);
}

static void on_reachable(void *owner)
{
    (void)owner;
    e.reachable++;
}

static void on_answer(void *owner, struct conn *c, enum err why)
{
    (void)owner, (void)c;
    e.answers++;
    e.answer = why;
}

static void on_ended(void *owner, struct conn *c, const struct conn_stats *stats)
{
    (void)owner, (void)c;
    e.ended++;
    e.ended_why = stats->why;
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
    (void)owner;
    e.incoming++;
    e.conn = c;
    conn_set_owner(c, &conn_events, NULL);
    if (e.refuse)
        conn_refuse(c, e.refusal);
    else if (!e.hold)
        conn_attach(c, pair(&e.fd));
}

static const struct session_events session_events = {.services = on_services,
                                                     .incoming = on_incoming,
                                                     .broken = on_broken,
                                                     .reachable = on_reachable};

/* ---- the script ---- */

void spin(void)
{
    for (int i = 0; i < 4; i++)
        uv_run(loop_uv(loop), UV_RUN_NOWAIT);
}

void give(struct frame f)
{
    static uint8_t bytes[FRAME_MAX + WS_HEADER_MAX];
    size_t n = frame_encode(&f, bytes, sizeof bytes);
    assert_int_not_equal(n, 0);
    assert_int_equal(session_input(e.session, bytes, n), n);
    spin();
}

bool sent(struct frame *f)
{
    static uint8_t bytes[FRAME_MAX];
    struct frame_cutter cutter = {0};
    uint8_t *frame;
    size_t size, used = frame_cut(&cutter, e.wire.data, e.wire.size, &frame, &size);
    if (frame == NULL)
        return false;
    memcpy(bytes, frame, size);
    buf_take(&e.wire, used);
    assert_int_equal(frame_decode(bytes, size, f), ERR_OK);
    assert_int_equal(f->stream, 0);
    return true;
}

struct frame expect(int type, uint32_t connection)
{
    struct frame f;
    assert_true(sent(&f));
    assert_string_equal(frame_type_name(f.type), frame_type_name(type));
    assert_int_equal(f.connection, connection);
    return f;
}

void expect_nothing(void)
{
    spin();
    assert_int_equal(e.wire.size, 0);
}

void peer(const char *protocol, const char *instance)
{
    give((struct frame){.type = FRAME_PEER,
                        .epoch = ++epoch,
                        .attached = protocol != NULL,
                        .subprotocol = span_of(protocol != NULL ? protocol : ""),
                        .instance = span_of(instance)});
}

void give_services(void)
{
    give((struct frame){
        .type = FRAME_SERVICE_IDS, .n_services = 2, .services = {{"SSH1", 4}, {"HTTP1", 5}}});
}

void attach(void)
{
    buf_free(&e.wire);
    session_attach(
        e.session,
        &(struct transport){
            .ready = end_ready, .send = end_send, .resume = end_resume, .native = true, .ctx = &e});
}

void far_resumes(uint32_t begun)
{
    give((struct frame){.type = FRAME_RESUME, .epoch = epoch, .received = begun});
}

static void give_echo_reply(void)
{
    struct frame f = expect(FRAME_ECHO, 0);
    uint8_t payload[8];
    assert_int_equal(f.payload_size, 8);
    memcpy(payload, f.payload, 8);
    give((struct frame){.type = FRAME_ECHO_REPLY, .payload = payload, .payload_size = 8});
}

void begin_with(struct session_options o)
{
    e = (struct end){.wire.limit = WIRE_MAX, .fd = -1};
    e.session = session_new(loop, &o, &session_events, NULL);
    assert_non_null(e.session);
    attach();
    peer(FRAME_NATIVE_PROTOCOL, "far");
    struct frame f = expect(FRAME_RESUME, 0);
    assert_int_equal(f.epoch, epoch);
    give_services();
    assert_false(session_reachable(e.session));
    far_resumes(0);
    assert_true(session_reachable(e.session));
    give_echo_reply();
    expect_nothing();
}

void begin(enum session_role role)
{
    begin_with((struct session_options){.role = role});
}

void finish(void)
{
    session_free(e.session);
    buf_free(&e.wire);
    if (e.fd >= 0)
        close(e.fd);
}

int setup(void **state)
{
    (void)state;
    log_setup(LOG_OFF, false);
    loop = loop_new();
    return loop == NULL;
}

/* ---- the script ---- */

/* What a failed test left behind must not keep the loop from ending. */
static void close_left_over(uv_handle_t *h, void *ctx)
{
    (void)ctx;
    if (h->type != UV_PREPARE && h->type != UV_IDLE && !uv_is_closing(h))
        uv_close(h, NULL);
}

int teardown(void **state)
{
    (void)state;
    uv_walk(loop_uv(loop), close_left_over, NULL);
    loop_free(loop);
    return 0;
}

/* ---- the script ---- */

struct conn *open_conn(void)
{
    enum err why;
    struct conn *c = conn_open(e.session, "SSH1", NULL, &conn_events, NULL, &why);
    assert_non_null(c);
    spin();
    return c;
}

void give_data(uint32_t connection, size_t n)
{
    static uint8_t bytes[FRAME_PAYLOAD_MAX];
    give((struct frame){
        .type = FRAME_DATA, .connection = connection, .payload = bytes, .payload_size = n});
}

void start(uint32_t connection)
{
    give((struct frame){
        .type = FRAME_CONNECTION_START, .connection = connection, .service = span_of("SSH1")});
}

void credit(uint32_t connection, uint64_t received, uint32_t window, bool fin)
{
    give((struct frame){.type = FRAME_CREDIT,
                        .connection = connection,
                        .received = received,
                        .window = window,
                        .fin = fin});
}

void say(int fd, const char *text)
{
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    spin();
}
