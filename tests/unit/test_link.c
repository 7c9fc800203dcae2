/* A link against a scripted hub (and web proxy) in the same loop: answers, refusals, losses. */
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

static struct {
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
} hub;

static struct {
    struct session *session;
    struct link *link;
    int ups, downs, finishes, services, endings;
    uint64_t left_ms;
    bool free_in_event;
    const char *instance; /* offers native sessions with it */
    enum err why;
    char text[400];
    bool (*done)(void);
} end;

static void look(void)
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

static bool is_finished(void)
{
    return end.finishes > 0;
}

static bool is_up(void)
{
    struct link_info now;
    link_get_info(end.link, &now);
    return now.phase == LINK_UP;
}

static bool has_services(void)
{
    return end.services > 0;
}

static bool is_down(void)
{
    return end.downs > 0;
}

static struct link_options given; /* by begin */

static void begin(const struct step *script, size_t n, const char *proxy, uint64_t ping_ms)
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

static void run_until(bool (*done)(void))
{
    end.done = done;
    loop_run(hub.loop);
    end.done = NULL;
}

static void over(void)
{
    if (end.link != NULL)
        link_free(end.link);
    session_free(end.session);
    drop_stream();
    ws_free(hub.ws);
    hub.ws = NULL;
}

static int setup(void **state)
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

static int teardown(void **state)
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

/* ---- tests ---- */

static bool round_trip_known(void)
{
    return link_round_trip_us(end.link) > 0;
}

static void poll_round_trip(void *owner)
{
    look();
    timer_start(*(struct timer **)owner, 1);
}

static void goes_up_and_pings(void **state)
{
    static const struct step script[] = {{0}};
    (void)state;
    begin(script, 1, NULL, 10);
    run_until(has_services);
    assert_true(is_up());
    assert_non_null(strstr(hub.request, "GET /tunnel?local-proxy-mode=source HTTP/1.1\r\n"));
    assert_non_null(strstr(hub.request, "access-token: secret-token\r\n"));
    assert_non_null(strstr(hub.request, "client-token: 12345678901234567890123456789012\r\n"));
    assert_non_null(strstr(hub.request, "Sec-WebSocket-Protocol: aws.iot.securetunneling-3.0\r\n"));
    struct timer *poll = timer_new(hub.loop, poll_round_trip, &poll);
    timer_start(poll, 1);
    run_until(round_trip_known);
    timer_free(poll);
    over();
}

/* What a hub that knows native sessions says counts only where we offered them, and only then. */
static void native_sessions_are_offered(void **state)
{
    static const struct step native[] = {{.native = true}}, other[] = {{0}};
    char instance[LINK_INSTANCE_SIZE], another[LINK_INSTANCE_SIZE];
    (void)state;
    link_instance(instance);
    link_instance(another);
    assert_int_equal(strlen(instance), 22);
    assert_string_not_equal(instance, another);

    end.instance = instance;
    begin(native, 1, NULL, 0);
    run_until(has_services);
    assert_non_null(strstr(hub.request, "Sec-WebSocket-Protocol: tunnel.native-1, "
                                        "aws.iot.securetunneling-3.0\r\n"));
    const char *header = strstr(hub.request, "tunnel-instance: ");
    assert_non_null(header);
    assert_memory_equal(header + 17, instance, 22);
    assert_true(session_peer(end.session)->native);
    assert_string_equal(session_peer(end.session)->instance, "the-other-one");
    over();

    end.instance = instance;
    begin(other, 1, NULL, 0); /* a hub that took the other one */
    run_until(has_services);
    assert_false(session_peer(end.session)->attached);
    over();

    end.instance = NULL;
    begin(other, 1, NULL, 0); /* not offered */
    run_until(has_services);
    assert_null(strstr(hub.request, "native"));
    assert_null(strstr(hub.request, "tunnel-instance"));
    assert_false(session_peer(end.session)->attached);
    over();
}

static void a_refusal_is_final_and_says_why(void **state)
{
    static const struct step script[] = {
        {.answer =
             "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" /* passed over, as other 1xx */
             "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 20\r\n\r\n"
             "Invalid access token"}};
    (void)state;
    begin(script, 1, NULL, 0);
    run_until(is_finished);
    assert_int_equal(end.why, ERR_REJECTED);
    assert_non_null(strstr(end.text, "400: Invalid access token"));
    assert_null(strstr(end.text, "secret-token"));
    assert_int_equal(hub.accepted, 1);
    over();
}

/* New options start what had given up, and leave alone what they do not change. */
static void goes_on_by_other_options(void **state)
{
    static const struct step script[] = {
        {.answer = "HTTP/1.1 400 Bad Request\r\nContent-Length: 20\r\n\r\nInvalid access token"},
        {0}};
    char text[200];
    enum err why;
    bool anew = false;
    (void)state;
    begin(script, 2, NULL, 0);
    run_until(is_finished);
    given.access_token = "another-token";
    given.proxy = "nonsense://";
    assert_int_not_equal(link_change(end.link, &given, &anew), ERR_OK);
    given.proxy = NULL;
    assert_int_equal(link_change(end.link, &given, &anew), ERR_OK);
    assert_true(anew);
    run_until(has_services);
    assert_non_null(strstr(hub.request, "access-token: another-token\r\n"));
    struct trust *other =
        trust_new(&(struct trust_sources){.file = hub.cert}, &why, text, sizeof text);
    assert_non_null(other);
    given.trust = other;
    assert_int_equal(link_change(end.link, &given, &anew), ERR_OK);
    assert_false(anew);
    assert_true(is_up());
    given.client_token = "x2345678901234567890123456789012";
    assert_int_equal(link_change(end.link, &given, &anew), ERR_OK);
    assert_true(anew);
    assert_false(is_up());
    over();
    assert_int_equal(hub.accepted, 2);
    trust_free(other);
}

static void a_5xx_and_nonsense_are_retried(void **state)
{
    static const struct step script[] = {
        {.answer = "HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nwait"},
        {.answer = "SSH-2.0-OpenSSH\r\n\r\n"},
        {.junk = true},
        {.cut = true},
        {0}};
    (void)state;
    begin(script, 5, NULL, 0);
    run_until(has_services);
    assert_int_equal(hub.accepted, 5);
    assert_int_equal(end.downs, 4);
    assert_int_equal(end.finishes, 0);
    assert_true(hub.resumed > 0);
    over();
}

/* What stands in front of the hub for a moment does not end the link, whatever it answers. */
static void who_stands_in_between_is_not_final(void **state)
{
    static const struct step script[] = {
        {.answer = "HTTP/1.1 429 Slow down\r\nContent-Length: 0\r\n\r\n"},
        {.answer = "HTTP/1.1 302 Found\r\nLocation: http://login.example/\r\n"
                   "Content-Length: 0\r\n\r\n"},
        {.answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"},
        {.answer = "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n"
                   "4\r\nnope\r\n0\r\n\r\n"},
        {.answer = "HTTP/1.1 403 Forbidden\r\nContent-Type: text/html\r\n\r\n<html>"},
        {.answer = "HTTP/1.1 426 Upgrade Required\r\nchannel-id: x\r\nContent-Length: 0\r\n\r\n"},
        {0}};
    (void)state;
    begin(script, 7, NULL, 0);
    run_until(has_services);
    assert_int_equal(end.downs, 6);
    assert_int_equal(end.finishes, 0);
    over();
}

static int downs_wanted;

static bool has_downs(void)
{
    return end.downs == downs_wanted;
}

static struct link_info after_downs(int n)
{
    struct link_info now;
    downs_wanted = n;
    run_until(has_downs);
    link_get_info(end.link, &now);
    return now;
}

static bool is_told_and_up_again(void)
{
    return end.endings > 0 && end.ups == 3 && end.services > 0;
}

/* An hour before, or at once when there is less; and once, however often it reconnects. */
static void it_tells_the_end(void **state)
{
    static const struct step script[] = {{.more = "Tunnel-Expires-In: 7200\r\n", .cut = true},
                                         {.more = "Tunnel-Expires-In: 1800\r\n", .cut = true},
                                         {.more = "Tunnel-Expires-In: 1799\r\n"}};
    struct link_info now;
    (void)state;
    begin(script, 3, NULL, 0);
    after_downs(1);
    assert_int_equal(end.endings, 0);
    link_get_info(end.link, &now);
    assert_in_range(now.expires_ms, loop_now(hub.loop) + 7000000, loop_now(hub.loop) + 7200000);
    run_until(is_told_and_up_again);
    assert_in_range(end.left_ms, 1700000, 1800000);
    assert_int_equal(end.endings, 1);
    over();
}

static int services_wanted, endings_wanted;

static bool has_so_many(void)
{
    return end.services == services_wanted && end.endings == endings_wanted;
}

static struct link_info after(int services, int endings)
{
    struct link_info now;
    services_wanted = services;
    endings_wanted = endings;
    run_until(has_so_many);
    link_get_info(end.link, &now);
    return now;
}

/* A new token is a new tunnel: its end is told although the old one's was, and when the hub does
 * not say when it is, the old one's does not count. */
static void another_tunnel_has_another_end(void **state)
{
    static const struct step script[] = {
        {.more = "Tunnel-Expires-In: 1800\r\n"}, {.more = "Tunnel-Expires-In: 900\r\n"}, {0}};
    bool anew;
    (void)state;
    begin(script, 3, NULL, 0);
    after(1, 1);
    given.access_token = "second-token";
    assert_int_equal(link_change(end.link, &given, &anew), ERR_OK);
    after(2, 2);
    assert_in_range(end.left_ms, 800000, 900000);
    given.access_token = "third-token";
    assert_int_equal(link_change(end.link, &given, &anew), ERR_OK);
    assert_int_equal(after(3, 2).expires_ms, 0);
    over();
}

/* Hubs that do not tell it, or nothing that makes sense. */
static void an_end_that_is_not_told(void **state)
{
    static const char *const headers[] = {NULL, "Tunnel-Expires-In: \r\n",
                                          "Tunnel-Expires-In: -5\r\n",
                                          "Tunnel-Expires-In: 99999999999999999999\r\n"};
    (void)state;
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        struct step script[] = {{.more = headers[i]}};
        struct link_info now;
        begin(script, 1, NULL, 0);
        run_until(has_services);
        link_get_info(end.link, &now);
        assert_int_equal(now.expires_ms, 0);
        assert_int_equal(end.endings, 0);
        over();
    }
}

/* Its Retry-After counts when it is longer than our own pause, within bounds. */
static void comes_back_when_it_is_asked_to(void **state)
{
    static const struct {
        const char *later;
        uint64_t least, most;
    } cases[] = {{"120", 120000, 150000},
                 {"100000", 300000, 375000},
                 {"Sun, 06 Nov 2294 08:49:37 GMT", 300000, 375000},
                 {"0", 0, 40},
                 {"soon", 0, 40}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char answer[200];
        const struct step script[] = {{.answer = answer}};
        snprintf(answer, sizeof answer,
                 "HTTP/1.1 429 Slow down\r\nRetry-After: %s\r\nContent-Length: 0\r\n\r\n",
                 cases[i].later);
        begin(script, 1, NULL, 0);
        struct link_info now = after_downs(1);
        assert_in_range(now.retry_ms - loop_now(hub.loop), cases[i].least, cases[i].most);
        const char *told = strstr(end.text, "; as it asked, the next try is in ");
        assert_int_equal(told != NULL, cases[i].least > 0);
        if (told != NULL) /* the real wait */
            assert_in_range(strtoull(strpbrk(told, "0123456789"), NULL, 10) * 1000, cases[i].least,
                            cases[i].most);
        assert_null(strstr(now.text, "as it asked")); /* the same refusal is the same text */
        over();
    }
}

static void it_tells_how_it_is(void **state)
{
    static const char busy[] =
        "HTTP/1.1 503 Busy\r\nchannel-id: x\r\nContent-Length: 3\r\n\r\na\x1b!";
    static const struct step script[] = {
        {.answer = busy},
        {.answer = busy},
        {0},
        {.answer = "HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\nno"},
    };
    struct link_info now;
    (void)state;
    begin(script, 4, NULL, 0);
    link_get_info(end.link, &now);
    uint64_t begun = now.since_ms;
    assert_int_equal(now.phase, LINK_CONNECTING);
    assert_int_equal(now.why, ERR_OK);
    assert_string_equal(now.text, "");

    now = after_downs(1);
    assert_int_equal(now.phase, LINK_WAITING);
    assert_int_equal(now.why, end.why);
    assert_non_null(strstr(now.text, "503: a\\x1b!"));
    assert_false(now.repeated);
    assert_true(now.retry_ms > begun);
    now = after_downs(2);
    assert_true(now.repeated);
    assert_int_equal(now.since_ms, begun); /* still not connected */
    assert_int_equal(now.connections, 0);

    run_until(has_services);
    link_get_info(end.link, &now);
    assert_int_equal(now.phase, LINK_UP);
    assert_int_equal(now.why, ERR_OK);
    assert_string_equal(now.text, "");
    assert_true(now.since_ms > begun);
    assert_int_equal(now.connections, 1);

    link_drop(end.link, ERR_TIMEOUT, "nothing came");
    link_get_info(end.link, &now);
    assert_int_equal(now.phase, LINK_WAITING);
    assert_int_equal(now.why, ERR_TIMEOUT);
    assert_string_equal(now.text, end.text);
    run_until(is_finished);
    link_get_info(end.link, &now);
    assert_int_equal(now.phase, LINK_OVER);
    assert_int_equal(now.why, ERR_REJECTED);
    assert_int_equal(now.connections, 1);
    assert_int_equal(now.retry_ms, 0);
    over();
}

static bool is_freed(void)
{
    return end.link == NULL;
}

static void may_be_freed_in_any_event(void **state)
{
    static const struct step scripts[] = {
        {0},
        {.answer = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"},
        {.answer = "HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\nno"},
        {.answer = "HTTP/1.1 101 Switching Protocols\r\n\r\n"},
        {.answer = "SSH-2.0-OpenSSH\r\n\r\n"},
        {.junk = true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) {
        begin(&scripts[i], 1, NULL, 0);
        end.free_in_event = true;
        run_until(is_freed);
        assert_int_equal(end.ups + end.downs + end.finishes, 1);
        over();
    }
    hub.proxy_answer = "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n";
    begin(scripts, 1, "", 0);
    end.free_in_event = true;
    run_until(is_freed);
    over();
}

static void close_codes(void **state)
{
    static const struct {
        int code;
        enum err finished; /* ERR_OK: tried again */
    } cases[] = {{1000, ERR_TUNNEL_CLOSED}, {1001, ERR_OK},       {1012, ERR_OK},
                 {1008, ERR_REJECTED},      {1002, ERR_REJECTED}, {4000, ERR_REJECTED}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct step script[] = {{.close_code = cases[i].code}};
        begin(script, 1, NULL, 0);
        run_until(cases[i].finished != ERR_OK ? is_finished : is_down);
        assert_int_equal(end.why, cases[i].finished != ERR_OK ? cases[i].finished : ERR_LINK_LOST);
        assert_non_null(strstr(end.text, "because"));
        assert_int_equal(strstr(end.text, "the connection to hub localhost:") != NULL,
                         cases[i].finished == ERR_OK);
        over();
    }
}

/* The tunnel goes on, but not with this token. */
static void a_replaced_token(void **state)
{
    static const struct step script[] = {
        {.close_code = 1000, .reason = "the access token was replaced"}};
    (void)state;
    begin(script, 1, NULL, 0);
    run_until(is_finished);
    assert_int_equal(end.why, ERR_TOKEN_REPLACED);
    assert_string_equal(end.text, "the hub closed the tunnel: the access token was replaced; give "
                                  "this end the new token");
    over();
}

static void a_silent_hub_is_given_up(void **state)
{
    static const struct step script[] = {{.mute = true}};
    (void)state;
    begin(script, 1, NULL, 20);
    run_until(is_down);
    assert_int_equal(end.why, ERR_TIMEOUT);
    over();
}

static void through_a_proxy(void **state)
{
    static const struct step script[] = {{0}};
    (void)state;
    hub.proxy_answer = "HTTP/1.0 200 Connection established\r\n\r\n";
    begin(script, 1, "user:pa%20ss@", 0);
    run_until(has_services);
    assert_non_null(strstr(hub.proxy_request, "CONNECT localhost:443 HTTP/1.1\r\n"));
    assert_non_null(strstr(hub.proxy_request, "Host: localhost:443\r\n"));
    assert_non_null(strstr(hub.proxy_request, "dXNlcjpwYSBzcw=="));
    assert_non_null(strstr(hub.request, "Host: localhost\r\n"));
    over();
}

/* Straight and through a proxy; and again after the connection was lost. */
static void a_hub_that_asks_learns_who_we_are(void **state)
{
    static const struct step script[] = {{.cut = true}, {0}};
    (void)state;
    hub.asks = true;
    hub.proxy_answer = "HTTP/1.0 200 Connection established\r\n\r\n";
    for (int i = 0; i < 4; i++) {
        bool proxied = i % 2 == 1, shows = i >= 2;
        const char *answer = hub.proxy_answer;
        hub.proxy_answer = proxied ? answer : NULL;
        hub.proxy_request[0] = '\0';
        hub.shown = shows ? hub.identity : NULL;
        begin(script + proxied, 2 - (size_t)proxied, proxied ? "" : NULL, 0);
        run_until(has_services);
        assert_string_equal(hub.client_name, shows ? "localhost" : "nobody");
        assert_int_equal(hub.accepted, proxied ? 1 : 2);
        over();
        hub.proxy_answer = answer;
    }
}

static void a_proxy_that_wants_a_password(void **state)
{
    static const struct step script[] = {{0}};
    (void)state;
    hub.proxy_answer = "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n";
    begin(script, 1, "", 0);
    run_until(is_finished);
    assert_int_equal(end.why, ERR_REJECTED);
    assert_non_null(strstr(end.text, "407"));
    over();
}

static void wrong_authority_and_nobody_there(void **state)
{
    static const struct step script[] = {{0}};
    enum err why;
    char text[200];
    (void)state;
    struct trust *ours = hub.trust;
    hub.trust = trust_new(&(struct trust_sources){.system = true}, &why, text, sizeof text);
    begin(script, 1, NULL, 0);
    run_until(is_down);
    assert_int_equal(end.why, ERR_TLS_UNTRUSTED);
    assert_int_equal(end.finishes, 0);
    over();
    trust_free(hub.trust);
    hub.trust = ours;
    struct listener *gone = hub.listener;
    begin(script, 1, NULL, 0);
    listener_free(gone);
    hub.listener = NULL;
    run_until(is_down);
    assert_int_equal(end.why, ERR_REFUSED);
    assert_non_null(strstr(end.text, "hub localhost:"));
    over();
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(goes_up_and_pings),
        T(native_sessions_are_offered),
        T(a_refusal_is_final_and_says_why),
        T(goes_on_by_other_options),
        T(a_5xx_and_nonsense_are_retried),
        T(who_stands_in_between_is_not_final),
        T(comes_back_when_it_is_asked_to),
        T(it_tells_how_it_is),
        T(it_tells_the_end),
        T(another_tunnel_has_another_end),
        T(an_end_that_is_not_told),
        T(may_be_freed_in_any_event),
        T(close_codes),
        T(a_replaced_token),
        T(a_silent_hub_is_given_up),
        T(through_a_proxy),
        T(a_hub_that_asks_learns_who_we_are),
        T(a_proxy_that_wants_a_password),
        T(wrong_authority_and_nobody_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
