#include "tests/unit/admin_client_help.h"

struct scripted_server server;

void server_drop(void)
{
    loop_cancel(&server.pump);
    if (server.stream != NULL)
        stream_close(server.stream);
    server.stream = NULL;
    server.left = 0;
    buf_free(&server.in);
}

static void on_pump(void *owner)
{
    (void)owner;
    size_t n = server.cut > 0 && server.cut < server.left ? server.cut : server.left;
    assert_true(stream_write(server.stream, (const uint8_t *)server.out, n));
    server.out += n;
    server.left -= n;
    server.cut = 0;
    if (server.left > 0)
        loop_defer(loop, &server.pump);
    else if (server.closes)
        server_drop();
}

static void answer_next(void)
{
    if (*server.answers == NULL) {
        server_drop();
        return;
    }
    server.out = *server.answers++;
    server.left = strlen(server.out);
    loop_defer(loop, &server.pump);
}

static void on_request_bytes(void *owner)
{
    (void)owner;
    uint8_t *p;
    long n = stream_peek(server.stream, 1, &p);
    if (n < 0) {
        server_drop();
        return;
    }
    assert_true(buf_append(&server.in, p, (size_t)n));
    stream_consume(server.stream, (size_t)n);
    char *end = memmem(server.in.data, server.in.size, CRLF CRLF, 4);
    if (end == NULL)
        return;
    size_t n_line =
        (size_t)((uint8_t *)memchr(server.in.data, '\r', server.in.size) - server.in.data);
    assert_true(strlen(server.requests) + n_line + 2 < sizeof server.requests);
    strncat(server.requests, (char *)server.in.data, n_line);
    strcat(server.requests, "\n");
    buf_free(&server.in);
    answer_next();
}

static void nothing(void *owner)
{
    (void)owner;
}

static void on_server_failed(void *owner, enum err why)
{
    (void)owner, (void)why;
    server_drop();
}

static const struct stream_events server_stream = {
    .readable = on_request_bytes, .writable = nothing, .failed = on_server_failed};

static void on_accepted(void *owner, struct listener *l, struct stream *s)
{
    (void)owner, (void)l;
    server_drop();
    server.accepted++;
    server.stream = s;
    stream_set_owner(s, &server_stream, NULL);
    stream_read_on(s, true);
}

void serve(const char *const *answers)
{
    static const struct listener_events events = {.accepted = on_accepted};
    enum err why;
    memset(&server, 0, sizeof server);
    server.in.limit = 10000;
    server.answers = answers;
    deferred_init(&server.pump, on_pump, NULL);
    server.listener = listener_new(loop, in_dir("s"), &events, NULL, &why);
    assert_non_null(server.listener);
}

void stop_serving(void)
{
    server_drop();
    listener_free(server.listener);
    server.listener = NULL;
}
