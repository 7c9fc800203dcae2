#include "tests/unit/device_desk_help.h"

#include "core/base/p256.h"
#include "gateway/hub/bridge_desk.h"
#include "gateway/hub/hub_nodes.h"

#define MESSAGES_MAX 1024
#define LINKS_MAX 512

struct hub hub;
int messages_lost, alerts[2], refusals, errors_logged;
uint64_t delay_ms;

static struct message *posted[MESSAGES_MAX];
static size_t n_posted, n_taken;
static struct device_ticket *tickets[LINKS_MAX]; /* of links at their workers, by serial */
static size_t workers[LINKS_MAX];

/* ---- the rest of the hub ---- */

void hub_post(struct hub *h, struct message *m)
{
    assert_ptr_equal(h, &hub);
    if (m == NULL) {
        messages_lost++;
        return;
    }
    assert_true(n_posted < MESSAGES_MAX);
    posted[n_posted++] = m;
}

void hub_alert_device(struct hub *h, const struct hub_alert_device *d)
{
    (void)h;
    alerts[d->reason != NULL]++;
}

void hub_alert_refused(struct hub *h, const char *client, const char *reason)
{
    (void)h, (void)client;
    assert_true(reason[0] != '\0');
    refusals++;
}

void hub_tell_arrived(struct hub *h, const char *device)
{
    (void)h, (void)device;
}

bool hub_hand_over(struct hub *h, const char *node, const struct notice *q)
{
    (void)h, (void)node, (void)q;
    return false;
}

const uint8_t *hub_secrets_key(const struct hub *h)
{
    (void)h;
    return NULL;
}

/* ---- from the beginning to the end ---- */

static void on_logged(void *ctx, enum log_level level, const char *line)
{
    (void)ctx, (void)line;
    errors_logged += level == LOG_ERROR;
}

int desk_begin(void **state)
{
    enum err why;
    if (setup(state) != 0)
        return 1;
    log_setup(LOG_ERROR, false);
    log_limit(60000, 60000);
    log_redirect(on_logged, NULL);
    n_posted = n_taken = 0;
    messages_lost = alerts[0] = alerts[1] = refusals = errors_logged = 0;
    hub = (struct hub){.o = {.loop = loop, .region = "us-east-1"},
                       .registry = tunnels,
                       .devices = devices,
                       .audit = audit_new(NULL, &why),
                       .refusal_log = refusal_log_new(1000, NULL, NULL),
                       .n_workers = WORKERS};
    hub.desk = device_desk_new(&hub, false);
    return hub.desk == NULL;
}

static void drop(struct message *m)
{
    struct message_device_reply *r = (struct message_device_reply *)(void *)m;
    if (m->kind == MESSAGE_DEVICE_REPLY && r->ticket != NULL) {
        give_back(r->ticket, ERR_EOF, false);
        r->ticket = NULL;
    }
    message_free(m);
}

void drop_messages(void)
{
    while (n_taken < n_posted)
        drop(posted[n_taken++]);
}

bool was_posted(void)
{
    return n_taken < n_posted;
}

int desk_end(void **state)
{
    drop_messages();
    device_desk_end(hub.desk);
    for (size_t i = 0; i < LINKS_MAX; i++)
        if (tickets[i] != NULL)
            go(i, ERR_SHUTDOWN, false);
    int code = teardown(state); /* registries answer what they were asked */
    drop_messages();
    device_desk_free(hub.desk);
    device_desk_end(NULL);
    device_desk_free(NULL);
    refusal_log_free(hub.refusal_log);
    audit_free(hub.audit);
    assert_true(list_empty(&timers));
    return code;
}

void later(uint64_t ms)
{
    now_ms += ms;
    fire_timers();
    uv_run(loop_uv(loop), UV_RUN_NOWAIT);
}

/* ---- what was posted ---- */

void *expect(enum message_kind kind)
{
    UNTIL(loop, n_taken < n_posted);
    struct message *m = posted[n_taken++];
    if (n_taken == n_posted)
        n_taken = n_posted = 0;
    assert_int_equal(m->kind, kind);
    return m;
}

void expect_nothing(void)
{
    for (int i = 0; i < 5; i++)
        uv_run(loop_uv(loop), UV_RUN_NOWAIT);
    assert_int_equal(n_posted, n_taken);
}

/* ---- frontends ---- */

bool say_hello(const char *name, char key, const char *token)
{
    uint8_t bytes[DEVICE_LINK_MESSAGE_MAX], point[P256_POINT_SIZE], signature[P256_SIGNATURE_SIZE];
    struct device_message m = {.kind = DEVICE_MESSAGE_HELLO,
                               .hello = {.device = span_of(name),
                                         .join_token = span_of(token),
                                         .names_tunnels = true,
                                         .tunnels = {span_of("t-9")},
                                         .n_tunnels = 1,
                                         .status = {.services = {span_of("SSH1")},
                                                    .n_services = 1,
                                                    .version = span_of("1.2"),
                                                    .accepting = true,
                                                    .ping_s = 20}}};
    memset(point, key, sizeof point);
    memset(signature, 1, sizeof signature);
    if (key != 0) {
        m.hello.public_key = point;
        m.hello.signature = signature;
    }
    size_t n = device_message_encode(&m, bytes, sizeof bytes);
    assert_true(n > 0);
    struct message_device_hello *k = message_new(MESSAGE_DEVICE_HELLO, WORKERS, sizeof *k + n);
    if (k == NULL)
        return false;
    k->certified = key == 0;
    k->pending_id = 77;
    k->size = n;
    memcpy(k->bytes, bytes, n);
    snprintf(k->client, sizeof k->client, "192.0.2.7:4000");
    device_desk_hello(&hub, k);
    return true;
}

void say_connect(const char *device, const char *client_id, bool clean)
{
    struct message_mqtt_hello *k = MESSAGE(struct message_mqtt_hello, MESSAGE_MQTT_HELLO, WORKERS);
    assert_non_null(k);
    k->certified = true;
    k->pending_id = 77;
    k->clean = clean;
    k->keepalive_s = 60;
    k->device = strdup(device);
    k->client_id = strdup(client_id);
    snprintf(k->client, sizeof k->client, "[2001:db8::7]:4000");
    device_desk_mqtt(&hub, k);
}

static struct message_device_reply *expect_reply(void)
{
    struct message_device_reply *r = expect(MESSAGE_DEVICE_REPLY);
    assert_int_equal(r->message.worker, WORKERS);
    assert_int_equal(r->pending_id, 77);
    return r;
}

struct device_ticket *expect_ticket(void)
{
    struct message_device_reply *r = expect_reply();
    struct device_ticket *t = r->ticket;
    assert_non_null(t);
    delay_ms = r->delay_ms;
    r->ticket = NULL;
    message_free(&r->message);
    return t;
}

void expect_refused(enum device_reason reason)
{
    struct message_device_reply *r = expect_reply();
    assert_null(r->ticket);
    assert_string_equal(device_reason_name(r->reason), device_reason_name(reason));
    message_free(&r->message);
}

void expect_code(enum mqtt_code code)
{
    struct message_device_reply *r = expect_reply();
    assert_null(r->ticket);
    assert_int_equal(r->code, code);
    message_free(&r->message);
}

void move(struct device_ticket *t)
{
    struct message_device_move *m =
        MESSAGE(struct message_device_move, MESSAGE_DEVICE_OUT, WORKERS);
    assert_non_null(m);
    m->ticket = t;
    device_desk_out(&hub, m);
}

/* ---- workers ---- */

uint64_t arrive(struct device_ticket *t)
{
    move(t);
    struct message_device_move *m = expect(MESSAGE_DEVICE_IN);
    uint64_t serial = t->serial;
    assert_ptr_equal(m->ticket, t);
    assert_true(serial < LINKS_MAX && m->message.worker < WORKERS);
    tickets[serial] = t;
    workers[serial] = m->message.worker;
    m->ticket = NULL;
    message_free(&m->message);
    return serial;
}

uint64_t come(const char *name)
{
    say_hello(name, 0, "");
    uint64_t serial = arrive(expect_ticket());
    struct hub_message m = expect_message(serial, HUB_MESSAGE_WELCOME);
    assert_true(span_is(m.welcome.device, name));
    return serial;
}

uint64_t come_mqtt(const char *name, const char *client_id)
{
    say_connect(name, client_id, true);
    return arrive(expect_ticket());
}

size_t worker_of(uint64_t serial)
{
    return workers[serial];
}

void give_back(struct device_ticket *t, enum err why, bool misbehaved)
{
    struct message_device_gone *m = t->return_message;
    assert_non_null(m);
    t->return_message = NULL;
    m->gone = (struct device_gone){
        .ticket = t, .why = why, .misbehaved = misbehaved, .text = "it ended", .seconds = 5};
    device_desk_gone(&hub, m);
}

void go(uint64_t serial, enum err why, bool misbehaved)
{
    struct device_ticket *t = tickets[serial];
    assert_non_null(t);
    tickets[serial] = NULL;
    give_back(t, why, misbehaved);
}

static struct device_letter *expect_letter(uint64_t serial)
{
    struct message_device_send *m = expect(MESSAGE_DEVICE_SEND);
    struct device_letter *letter = m->letter;
    assert_int_equal(m->serial, serial);
    assert_int_equal(m->message.worker, workers[serial]);
    m->letter = NULL;
    message_free(&m->message);
    return letter;
}

struct hub_message expect_message(uint64_t serial, enum hub_message_kind kind)
{
    static uint8_t bytes[DEVICE_LINK_MESSAGE_MAX];
    struct hub_message m;
    struct device_letter *letter = expect_letter(serial);
    assert_true(letter->size <= sizeof bytes);
    memcpy(bytes, letter->bytes + letter->n_room, letter->size);
    assert_int_equal(hub_message_decode(bytes, letter->size, &m), ERR_OK);
    assert_int_equal(m.kind, kind);
    device_letter_free(letter);
    return m;
}

void expect_dismissed(uint64_t serial, enum device_reason reason)
{
    struct hub_message m = expect_message(serial, HUB_MESSAGE_REFUSED);
    assert_string_equal(device_reason_name(m.refused.reason), device_reason_name(reason));
}

void expect_last(uint64_t serial)
{
    struct device_letter *letter = expect_letter(serial);
    assert_true(letter->last);
    device_letter_free(letter);
}

const struct published *expect_published(uint64_t serial)
{
    static struct published p;
    struct device_letter *letter = expect_letter(serial);
    const char *text = (const char *)letter->bytes;
    assert_false(letter->last);
    snprintf(p.topic, sizeof p.topic, "%.*s", (int)letter->n_topic, text);
    snprintf(p.payload, sizeof p.payload, "%.*s", (int)(letter->size - letter->n_topic),
             text + letter->n_topic);
    p.again = letter->again;
    device_letter_free(letter);
    return &p;
}

static void said(uint64_t serial, const uint8_t *p, size_t n)
{
    struct message_device_said *m = message_new(MESSAGE_DEVICE_SAID, 0, sizeof *m + n);
    if (m == NULL)
        return;
    m->serial = serial;
    m->size = n;
    memcpy(m->bytes, p, n);
    device_desk_said(&hub, m);
}

static void say(uint64_t serial, const struct device_message *m)
{
    uint8_t bytes[DEVICE_LINK_MESSAGE_MAX];
    said(serial, bytes, device_message_encode(m, bytes, sizeof bytes));
}

void say_status(uint64_t serial, const char *service)
{
    say(serial, &(struct device_message){.kind = DEVICE_MESSAGE_STATUS,
                                         .status = {.services = {span_of(service)},
                                                    .n_services = 1,
                                                    .version = span_of("1.3"),
                                                    .accepting = true}});
}

void say_answer(uint64_t serial, const char *id, bool accepted)
{
    say(serial, &(struct device_message){.kind = DEVICE_MESSAGE_ANSWER,
                                         .answer = {.id = span_of(id),
                                                    .accepted = accepted,
                                                    .code = DEVICE_CODE_BUSY,
                                                    .why = span_of("not now")}});
}

static void say_packet(uint64_t serial, const struct mqtt_said *s)
{
    uint8_t bytes[MQTT_SAID_MAX];
    said(serial, bytes, mqtt_said_write(s, bytes));
}

void say_subscribed(uint64_t serial, uint32_t topics)
{
    say_packet(serial, &(struct mqtt_said){.kind = MQTT_SAID_SUBSCRIBED, .topics = topics});
}

void say_mqtt(uint64_t serial, enum mqtt_said_kind kind, const char *text)
{
    say_packet(serial, &(struct mqtt_said){.kind = kind, .text = span_of(text)});
}

/* ---- those who ask ---- */

static void on_heard(void *ctx, const struct notice_answer *a)
{
    struct heard *h = ctx;
    h->calls++;
    h->result = a->result;
    h->code = a->code;
}

void ask_for(struct heard *h, const char *device, const char *tunnel, const char *url)
{
    static char service[] = "SSH1", *services[] = {service};
    const struct texts all = {.items = services, .n = 1};
    *h = (struct heard){0};
    notices_ask(device_desk_notices(hub.desk),
                &(struct notice){.device = device,
                                 .tunnel = tunnel,
                                 .url = url,
                                 .token = "its-token",
                                 .services = &all,
                                 .service = "SSH1",
                                 .opened_by = "me",
                                 .why = "because",
                                 .timeout_ms = 20000},
                on_heard, h);
}

bool is_present(const char *device)
{
    const struct device_presence *p = notices_presence(device_desk_notices(hub.desk), device);
    return p != NULL && p->present;
}

struct opened {
    bool is;
    char id[64], token[32];
};
static struct opened opened[4];
static size_t next_opened;

static void on_opened(void *ctx, enum err why, const struct tunnel_record *t)
{
    struct opened *o = ctx;
    assert_int_equal(why, ERR_OK);
    snprintf(o->id, sizeof o->id, "%s", t->id);
    o->is = true;
}

const char *open_tunnel(const char *device, bool on_demand)
{
    struct opened *o = &opened[next_opened++ % 4];
    struct tunnel_record r = {
        .thing = strdup(device), .lifetime_minutes = 60, .idle_ms = on_demand ? 60000 : 0};
    *o = (struct opened){0};
    char source[32];
    snprintf(source, sizeof source, "source-%zu", next_opened);
    snprintf(o->token, sizeof o->token, "destination-%zu", next_opened);
    registry_open(tunnels, &r, TOKENS(source, o->token), 0, on_opened, o);
    UNTIL(loop, o->is);
    return o->id;
}

struct looked {
    bool is;
    uint8_t token[TOKEN_HASH];
    enum fate fate;
};

static void on_looked(void *ctx, enum err why, const struct tunnel_record *t)
{
    struct looked *x = ctx;
    x->is = true;
    if (why != ERR_OK || t->closed != 0)
        x->fate = CLOSED;
    else if (memcmp(t->sides[SIDE_DESTINATION].token, x->token, TOKEN_HASH) != 0)
        x->fate = ROTATED;
}

enum fate fate_of(const char *tunnel)
{
    struct looked x = {.fate = OPEN};
    for (size_t i = 0; i < 4; i++)
        if (strcmp(opened[i].id, tunnel) == 0)
            token_hash(span_of(opened[i].token), x.token);
    registry_get(tunnels, span_of(tunnel), on_looked, &x);
    UNTIL(loop, x.is);
    return x.fate;
}

uint64_t metric(const char *name)
{
    struct buf out = {.limit = 1 << 20};
    char line[200];
    device_desk_metrics(hub.desk, &out);
    assert_true(buf_append(&out, "", 1));
    snprintf(line, sizeof line, "\n%s ", name);
    const char *at = strstr((const char *)out.data, line);
    if (at == NULL)
        fail_msg("%s", name);
    uint64_t n = strtoull(at + strlen(line), NULL, 10);
    buf_free(&out);
    return n;
}
