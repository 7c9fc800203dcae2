#include "tests/unit/link_help.h"

struct hub hub;

struct end end;

void look(void)
{
    if (end.done != NULL && end.done())
        loop_stop(hub.loop);
}

/* ---- the hub ---- */

static size_t hub_data(void *owner, uint8_t *p, size_t n)
{
    (void)owner, (void)p;
    return n;
}

static void hub_nothing(void *owner)
{
    (void)owner;
}

static void hub_closed(void *owner, enum err why, int code, const char *text)
{
    (void)owner, (void)why, (void)code, (void)text;
    ws_free(hub.ws);
    hub.ws = NULL;
}

static const struct ws_events hub_ws_events = {
    .data = hub_data, .writable = hub_nothing, .closed = hub_closed};

static const struct step *step_now(void)
{
    size_t i = hub.accepted - 1;
    return &hub.script[i < hub.n_script ? i : hub.n_script - 1];
}

static void welcome(void)
{
    const struct step *now = step_now();
    char accept[WS_ACCEPT_SIZE];
    struct buf answer = {.limit = 1000};
    ws_accept_key(http_header(http_reader_head(hub.reader), "sec-websocket-key"), accept);
    buf_printf(&answer,
               "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
               "sec-websocket-accept: %s\r\nsec-websocket-protocol: %s\r\n%s\r\n",
               accept, now->native ? FRAME_NATIVE_PROTOCOL : "aws.iot.securetunneling-2.0",
               now->more != NULL ? now->more : "");
    stream_write(hub.stream, answer.data, answer.size);
    buf_free(&answer);
    struct stream *s = hub.stream;
    hub.stream = NULL;
    if (now->cut) {
        stream_close(s);
        return;
    }
    hub.ws = ws_new(hub.loop, s, false, &hub_ws_events, NULL);
    if (now->mute)
        stream_read_on(s, false);
    struct frame peer = {.type = FRAME_PEER,
                         .attached = true,
                         .subprotocol = span_of(FRAME_NATIVE_PROTOCOL),
                         .instance = span_of("the-other-one")};
    struct frame ids = {.type = FRAME_SERVICE_IDS, .n_services = 1, .services = {{"SSH1", 4}}};
    size_t n = now->native ? frame_encode(&peer, hub.out + WS_HEADER_MAX, 150) : 0;
    n += frame_encode(&ids, hub.out + WS_HEADER_MAX + n, 150);
    ws_send(hub.ws, hub.out + WS_HEADER_MAX, n);
    if (now->close_code > 0)
        ws_close(hub.ws, now->close_code, now->reason != NULL ? now->reason : "because");
}

static void drop_stream(void)
{
    if (hub.stream != NULL)
        stream_close(hub.stream);
    hub.stream = NULL;
}

static void hub_opened(void *owner);

static void hub_readable(void *owner);

static void hub_failed(void *owner, enum err why)
{
    (void)owner, (void)why;
    drop_stream();
}

static const struct stream_events hub_events = {
    .opened = hub_opened, .readable = hub_readable, .writable = hub_nothing, .failed = hub_failed};

static void start_tls(void)
{
    struct tls_server_options o = {
        .identity = hub.identity, .cache = hub.cache, .client_trust = hub.asks ? hub.trust : NULL};
    stream_read_on(hub.stream, false);
    hub.stream = tls_server(hub.loop, hub.stream, &o, &hub_events, NULL);
}

static void new_reader(void)
{
    http_reader_free(hub.reader);
    hub.reader = http_reader_new(HTTP_REQUEST, 8000);
    stream_read_on(hub.stream, true);
}

static void hub_opened(void *owner)
{
    (void)owner;
    const char *name = tls_peer_name(hub.stream);
    hub.resumed += tls_resumed(hub.stream);
    snprintf(hub.client_name, sizeof hub.client_name, "%s", name != NULL ? name : "nobody");
    new_reader();
}

static void keep(char *to, size_t size, const uint8_t *p, size_t n)
{
    snprintf(to, size, "%.*s", (int)n, (const char *)p);
}

static void hub_readable(void *owner)
{
    uint8_t *p;
    long n = stream_peek(hub.stream, 1, &p);
    (void)owner;
    if (n < 0)
        drop_stream();
    if (n <= 0)
        return;
    bool proxy = hub.proxy_answer != NULL && hub.proxy_request[0] == '\0';
    keep(proxy ? hub.proxy_request : hub.request, proxy ? 1000 : 4000, p, (size_t)n);
    long used = http_reader_feed(hub.reader, p, (size_t)n);
    assert_true(used > 0);
    stream_consume(hub.stream, (size_t)used);
    assert_non_null(http_reader_head(hub.reader));
    const char *answer = proxy ? hub.proxy_answer : step_now()->answer;
    if (answer == NULL) {
        welcome();
        return;
    }
    stream_write(hub.stream, (const uint8_t *)answer, strlen(answer));
    if (proxy && strstr(answer, " 200 ") != NULL)
        start_tls();
}

static void hub_accepted(void *owner, struct listener *l, struct stream *s)
{
    (void)owner, (void)l;
    drop_stream();
    ws_free(hub.ws);
    hub.ws = NULL;
    hub.accepted++;
    stream_set_owner(s, &hub_events, NULL);
    hub.stream = s;
    hub.proxy_request[0] = '\0';
    if (step_now()->junk) {
        stream_write(s, (const uint8_t *)"SSH-2.0-nothing\r\n", 17);
        stream_read_on(s, false);
    } else if (hub.proxy_answer != NULL) {
        new_reader();
    } else {
        start_tls();
    }
}

/* ---- the end ---- */

static enum err on_services(void *owner, const char *const *ids, size_t n)
{
    (void)owner;
    assert_int_equal(n, 1);
    assert_string_equal(ids[0], "SSH1");
    end.services++;
    look();
    return ERR_OK;
}

static void on_broken(void *owner, enum err why, const char *text)
{
    (void)owner;
    link_drop(end.link, why, text);
}

static const struct session_events session_events = {.services = on_services, .broken = on_broken};

static void maybe_free(void)
{
    if (!end.free_in_event)
        return;
    link_free(end.link);
    end.link = NULL;
}

static void on_up(void *owner)
{
    (void)owner;
    end.ups++;
    maybe_free();
    look();
}

static void on_down(void *owner, enum err why, const char *text)
{
    (void)owner;
    end.downs++;
    end.why = why;
    snprintf(end.text, sizeof end.text, "%s", text);
    maybe_free();
    look();
}

static void on_finished(void *owner, enum err why, const char *text)
{
    (void)owner;
    end.finishes++;
    end.why = why;
    snprintf(end.text, sizeof end.text, "%s", text);
    maybe_free();
    look();
}

static void on_ending(void *owner, uint64_t left_ms)
{
    (void)owner;
    end.endings++;
    end.left_ms = left_ms;
    maybe_free();
    look();
}

static const struct link_events link_events = {
    .up = on_up, .down = on_down, .ending = on_ending, .finished = on_finished};

bool is_finished(void)
{
    return end.finishes > 0;
}

bool has_services(void)
{
    return end.services > 0;
}

bool is_down(void)
{
    return end.downs > 0;
}

struct link_options given;

void begin(const struct step *script, size_t n, const char *proxy, uint64_t ping_ms)
{
    char url[100];
    enum err why;
    const char *instance = end.instance;
    memset(&end, 0, sizeof end);
    hub.script = script;
    hub.n_script = n;
    hub.accepted = 0;
    hub.resumed = 0;
    end.session = session_new(hub.loop, &(struct session_options){.role = SESSION_SOURCE},
                              &session_events, NULL);
    if (proxy != NULL)
        snprintf(url, sizeof url, "http://%s127.0.0.1:%d", proxy, listener_port(hub.listener));
    given = (struct link_options){
        .host = "localhost",
        .port = proxy != NULL ? 443 : listener_port(hub.listener),
        .role = SESSION_SOURCE,
        .access_token = "secret-token",
        .client_token = "12345678901234567890123456789012",
        .trust = hub.trust,
        .identity = hub.shown,
        .instance = instance,
        .proxy = proxy != NULL ? url : NULL,
        .ping_ms = ping_ms,
        .retry_first_ms = 10,
        .retry_max_ms = 40,
    };
    end.link = link_new(hub.loop, end.session, &given, &link_events, NULL, &why);
    assert_int_equal(why, ERR_OK);
}

void run_until(bool (*done)(void))
{
    end.done = done;
    loop_run(hub.loop);
    end.done = NULL;
}

void over(void)
{
    if (end.link != NULL)
        link_free(end.link);
    session_free(end.session);
    drop_stream();
    ws_free(hub.ws);
    hub.ws = NULL;
}

int setup(void **state)
{
    static const struct listener_events events = {.accepted = hub_accepted};
    char command[700], text[200];
    enum err why;
    (void)state;
    log_setup(LOG_OFF, false);
    memset(&hub, 0, sizeof hub);
    snprintf(hub.dir, sizeof hub.dir, "/tmp/test_link.XXXXXX");
    assert_non_null(mkdtemp(hub.dir));
    snprintf(hub.cert, sizeof hub.cert, "%s/cert.pem", hub.dir);
    snprintf(hub.key, sizeof hub.key, "%s/key.pem", hub.dir);
    snprintf(command, sizeof command,
             "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "
             "-subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 "
             "-keyout %s -out %s 2>/dev/null",
             hub.key, hub.cert);
    assert_int_equal(system(command), 0);
    hub.loop = loop_new();
    hub.identity = identity_new(hub.cert, hub.key, &why, text, sizeof text);
    assert_non_null(hub.identity);
    hub.trust = trust_new(&(struct trust_sources){.file = hub.cert}, &why, text, sizeof text);
    assert_non_null(hub.trust);
    hub.cache = tls_cache_new(10000);
    hub.listener = listener_new(hub.loop, "localhost:0", &events, NULL, &why);
    assert_non_null(hub.listener);
    return 0;
}

int teardown(void **state)
{
    (void)state;
    listener_free(hub.listener);
    http_reader_free(hub.reader);
    loop_free(hub.loop);
    identity_free(hub.identity);
    trust_free(hub.trust);
    tls_cache_free(hub.cache);
    unlink(hub.cert);
    unlink(hub.key);
    rmdir(hub.dir);
    return 0;
}
