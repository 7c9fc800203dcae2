/* A session of V1 to V3 whose far end says whatever the input holds, given in pieces that its
 * second byte decides. Whatever it says, nothing crashes, each connection holds no more than it
 * may, and a session that was broken keeps no connection. */
#include "tests/fuzz/far_end.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define QUEUE 65536

static const struct transport transport = {.ready = ready, .send = send_message, .resume = resume};

static enum err on_services(void *owner, const char *const *ids, size_t n)
{
    (void)owner;
    for (size_t i = 0; i < n; i++)
        check(ids[i][0] != '\0');
    return ERR_OK;
}

/* Every third one is being dialled for ever, and every third one refused. */
static void on_incoming(void *owner, struct conn *c)
{
    static unsigned turn;
    (void)owner;
    conn_set_owner(c, &conn_events, NULL);
    if (++turn % 3 == 0)
        conn_refuse(c, ERR_REFUSED);
    else if (turn % 3 == 1 && n_fds < SOCKETS)
        attach(c);
}

static const struct session_events events = {
    .services = on_services, .incoming = on_incoming, .broken = on_broken};

static void turn(void)
{
    for (int i = 0; i < 3; i++)
        uv_run(loop_uv(loop), UV_RUN_NOWAIT);
}

static void begin(enum session_role role, int version)
{
    uint8_t out[100];
    const struct frame ids = {
        .type = FRAME_SERVICE_IDS, .n_services = 2, .services = {{"SSH1", 4}, {"HTTP1", 5}}};
    session =
        session_new(loop,
                    &(struct session_options){
                        .role = role, .version = version, .queue_limit = QUEUE, .first_stream = 1},
                    &events, NULL);
    check(session != NULL);
    session_attach(session, &transport);
    size_t n = frame_encode(&ids, out, sizeof out);
    check(session_input(session, out, n) == n);
    for (int i = 0; role == SESSION_SOURCE && i < 3; i++) {
        enum err why;
        struct conn *c =
            conn_open(session, i == 2 ? "HTTP1" : "SSH1", NULL, &conn_events, NULL, &why);
        if (c != NULL && i > 0)
            attach(c);
    }
    turn();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3)
        return 0;
    log_setup(LOG_OFF, false);
    loop = loop_new();
    check(loop != NULL);
    broken = false;
    n_fds = 0;
    bool source = (data[0] & 1) != 0;
    int version = data[0] >> 1 & 3;
    begin(source ? SESSION_SOURCE : SESSION_DESTINATION,
          source ? (version == 0 ? 3 : version) : (version == 1));
    feed(data + 2, size - 2, (data[0] & 8) != 0 ? data[1] + 1U : size);
    if (broken)
        check(session_connections(session) == 0);
    session_free(session);
    for (size_t i = 0; i < n_fds; i++)
        close(fds[i]);
    loop_free(loop);
    return 0;
}
