#include "tests/unit/shared_help.h"

#include "core/base/log.h"

struct loop *loop;
struct redis_test server;
struct redis *clients[DOUBLES];
struct shared_registry_options shared_options;
struct told nodes[DOUBLES];

/* ---- what is told ---- */

static void hear(struct told *t, char what, const char *id, const char *last)
{
    size_t n = strlen(t->heard);
    if (n + 1 < sizeof t->heard)
        t->heard[n] = what;
    snprintf(t->id, sizeof t->id, "%s", id);
    snprintf(t->last, sizeof t->last, "%s", last != NULL ? last : "(null)");
}

static void hear_opened(void *owner, const struct tunnel_record *t,
                        const char *const token[SIDE_COUNT])
{
    hear(owner, 'o', t->id, token[SIDE_SOURCE]);
}

/* As in a hub, the ends go at once. */
static void leave(struct told *t, const struct tunnel_record *r, enum side side)
{
    registry_connected(t->registry, span_of(r->id), side, false);
}

static void hear_ended(void *owner, const struct tunnel_record *t, const char *why)
{
    assert_int_not_equal(t->closed, 0);
    hear(owner, 'e', t->id, why);
    leave(owner, t, SIDE_SOURCE);
    leave(owner, t, SIDE_DESTINATION);
}

static void hear_rotated(void *owner, const struct tunnel_record *t, enum side side,
                         const char *token)
{
    hear(owner, side == SIDE_SOURCE ? 's' : 'd', t->id, token);
    leave(owner, t, side);
}

static void hear_moved(void *owner, const struct tunnel_record *t)
{
    hear(owner, 'm', t->id, "");
    leave(owner, t, SIDE_SOURCE);
    leave(owner, t, SIDE_DESTINATION);
}

static void on_hint(void *owner, const char *to, const char *kind, const char *id)
{
    assert_string_equal(kind, "tunnel");
    hear(owner, 'h', id, to);
}

/* ---- from the beginning to the end ---- */

static const struct registry_events events = {
    .opened = hear_opened, .ended = hear_ended, .rotated = hear_rotated, .moved = hear_moved};

bool local_kind;
static char folder[] = "/tmp/test-kinds-XXXXXX";

static int64_t local_now(void)
{
    return cluster_ms;
}

static struct registry *new_local(int n)
{
    char text[512] = "", path[64];
    enum err why;
    snprintf(path, sizeof path, "%s/%d", folder, n);
    struct registry_options o = {.loop = loop,
                                 .folder = path,
                                 .now = local_now,
                                 .keep_closed_ms = shared_options.keep_closed_ms,
                                 .keyed = shared_options.keyed,
                                 .owner = &nodes[n]};
    struct registry *r = registry_new(&o, &why, text, sizeof text);
    if (r == NULL)
        fail_msg("%s", text);
    return r;
}

static void remove_folder(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    assert_int_equal(system(command), 0);
    memcpy(folder + strlen(folder) - 6, "XXXXXX", 6);
}

void node_open(int n)
{
    struct shared_registry_options o = shared_options;
    o.redis = clients[n];
    o.nodes = &doubles[n];
    o.owner = &nodes[n];
    nodes[n] = (struct told){.registry = local_kind ? new_local(n) : shared_registry_new(&o)};
    assert_non_null(nodes[n].registry);
    nodes[n].subscriber = (struct registry_subscriber){.events = &events, .owner = &nodes[n]};
    registry_subscribe(nodes[n].registry, &nodes[n].subscriber);
}

void node_close(int n)
{
    registry_free(nodes[n].registry);
    nodes[n].registry = NULL;
}

/* ---- Redis ---- */

#define SHARDS 3
static struct redis_test others[SHARDS]; /* without the first */
static bool sharded;

static struct redis_test *shard(int i)
{
    return i == 0 ? &server : &others[i];
}

static bool shards_are_well(void)
{
    for (int i = 0; i < SHARDS; i++) {
        const char *info = REDIS_CLI(shard(i), "CLUSTER", "INFO");
        if (strstr(info, "cluster_state:ok") == NULL || strstr(info, "known_nodes:3") == NULL)
            return false;
    }
    return true;
}

static void start_shards(char *url, size_t size)
{
    static const char *const ranges[SHARDS][2] = {
        {"0", "5460"}, {"5461", "10922"}, {"10923", "16383"}};
    static const char *const options[] = {"--cluster-enabled", "yes", NULL};
    char port[16];
    for (int i = 0; i < SHARDS; i++) {
        redis_test_start(shard(i), options);
        snprintf(port, sizeof port, "%d", server.port);
        REDIS_CLI(shard(i), "CLUSTER", "ADDSLOTSRANGE", ranges[i][0], ranges[i][1]);
        if (i > 0)
            REDIS_CLI(shard(i), "CLUSTER", "MEET", "127.0.0.1", port);
    }
    UNTIL_TRUE(shards_are_well());
    snprintf(url, size, "redis+cluster://127.0.0.1:%d", server.port);
}

static void start_redis(char *url, size_t size)
{
    sharded = getenv("TEST_SHARDS") != NULL;
    if (sharded) {
        start_shards(url, size);
        return;
    }
    redis_test_start(&server, NULL);
    snprintf(url, size, "%s", server.url);
}

int shared_group_setup(void **state)
{
    char url[160];
    enum err why;
    char text[512];
    (void)state;
    log_setup(LOG_OFF, false);
    local_kind = getenv("TEST_LOCAL") != NULL;
    loop = loop_new();
    start_redis(url, sizeof url);
    for (int n = 0; n < DOUBLES; n++) {
        clients[n] =
            redis_new(&(struct redis_options){.loop = loop, .url = url, .timeout_ms = 20000}, &why,
                      text, sizeof text);
        if (clients[n] == NULL)
            return fprintf(stderr, "%s\n", text);
    }
    return 0;
}

int shared_group_teardown(void **state)
{
    (void)state;
    for (int n = 0; n < DOUBLES; n++)
        redis_free(clients[n]);
    loop_free(loop);
    for (int i = 0; i < (sharded ? SHARDS : 1); i++)
        redis_test_stop(shard(i));
    return 0;
}

int shared_setup(void **state)
{
    (void)state;
    for (int i = 0; i < (sharded ? SHARDS : 1); i++)
        REDIS_CLI(shard(i), "FLUSHALL");
    redis_faults_none(loop);
    doubles_begin();
    shared_options = (struct shared_registry_options){.loop = loop, .hint = on_hint};
    if (local_kind && mkdtemp(folder) == NULL)
        return 1;
    for (int n = 0; n < (local_kind ? 1 : DOUBLES); n++)
        node_open(n);
    return 0;
}

int shared_teardown(void **state)
{
    (void)state;
    redis_faults.away = false;
    for (int n = 0; n < DOUBLES; n++)
        node_close(n);
    redis_faults_release();
    if (local_kind)
        remove_folder();
    return 0;
}

/* ---- waiting ---- */

static void wake(uv_timer_t *timer)
{
    (void)timer;
}

void turn(void)
{
    uv_timer_t timer;
    uv_timer_init(loop_uv(loop), &timer);
    uv_timer_start(&timer, wake, 20, 0);
    uv_run(loop_uv(loop), UV_RUN_ONCE);
    uv_close((uv_handle_t *)&timer, NULL);
    uv_run(loop_uv(loop), UV_RUN_NOWAIT);
}

static bool is_busy(void)
{
    for (int n = 0; n < DOUBLES; n++)
        if (!local_kind && nodes[n].registry != NULL && shared_of(nodes[n].registry)->n_jobs > 0)
            return true;
    return false;
}

void settle_all(void)
{
    UNTIL_TRUE(!is_busy());
}

/* ---- asking ---- */

void on_reply(void *ctx, enum err why, const struct tunnel_record *t)
{
    struct reply *r = ctx;
    r->calls++;
    r->why = why;
    r->there = t != NULL;
    if (t == NULL)
        return;
    snprintf(r->id, sizeof r->id, "%s", t->id);
    snprintf(r->thing, sizeof r->thing, "%s", t->thing);
    r->number = t->number;
    r->created = t->created;
    r->updated = t->updated;
    r->expires = t->expires;
    r->closed = t->closed;
    r->tags = t->tags.n;
    for (int side = 0; side < SIDE_COUNT; side++) {
        r->connected[side] = t->sides[side].connected;
        r->used[side] = t->sides[side].used;
    }
}

enum err answered(struct reply *r)
{
    UNTIL_TRUE(r->calls > 0);
    assert_int_equal(r->calls, 1);
    assert_true(r->why == ERR_OK || !r->there);
    return r->why;
}

struct tunnel_record new_record(const char *thing)
{
    struct tunnel_record t = {.key_id = strdup("AKID"),
                              .thing = strdup(thing),
                              .description = strdup("a line"),
                              .lifetime_minutes = 60};
    assert_true(texts_add(&t.services, span_of("SSH1")));
    assert_true(tags_set(&t.tags, span_of("site"), span_of("north")));
    return t;
}

enum err open_with(int n, struct tunnel_record *t, const char *suffix, size_t max, struct reply *r)
{
    char source[NAME_SIZE], destination[NAME_SIZE];
    snprintf(source, sizeof source, "src%s", suffix);
    snprintf(destination, sizeof destination, "dst%s", suffix);
    *r = (struct reply){0};
    registry_open(nodes[n].registry, t, BOTH(source, destination), max, on_reply, r);
    return answered(r);
}

const char *open_at(int n, const char *suffix)
{
    static char ids[8][NAME_SIZE];
    static int at;
    struct tunnel_record t = new_record("plant7");
    struct reply r;
    assert_int_equal(open_with(n, &t, suffix, 0, &r), ERR_OK);
    char *id = ids[at++ % 8];
    memcpy(id, r.id, NAME_SIZE);
    return id;
}

struct reply get_at(int n, const char *id)
{
    struct reply r = {0};
    registry_get(nodes[n].registry, span_of(id), on_reply, &r);
    answered(&r);
    return r;
}

enum err close_at(int n, const char *id, bool remove)
{
    struct reply r = {0};
    registry_close(nodes[n].registry, id, remove, on_reply, &r);
    return answered(&r);
}

enum err rotate_at(int n, const char *id, const char *source, const char *destination)
{
    struct reply r = {0};
    registry_rotate(nodes[n].registry, id, BOTH(source, destination), on_reply, &r);
    return answered(&r);
}

static void on_admission(void *ctx, struct admission a)
{
    struct entry_try *e = ctx;
    e->calls++;
    e->admitted = a.tunnel != NULL;
    e->status = a.status;
    e->left_ms = a.left_ms;
    snprintf(e->text, sizeof e->text, "%s", a.text != NULL ? a.text : "");
    snprintf(e->elsewhere, sizeof e->elsewhere, "%s", a.elsewhere != NULL ? a.elsewhere->name : "");
    snprintf(e->known, sizeof e->known, "%s", a.known != NULL ? a.known->id : "");
    if (e->admitted && e->joins)
        registry_connected(nodes[e->node].registry, span_of(a.tunnel->id), e->side, true);
}

static const struct admission *on_denies(void *ctx, const struct tunnel_record *t)
{
    struct entry_try *e = ctx;
    (void)t;
    e->asked++;
    return e->denied;
}

void come_to(int n, const struct admission_request *q, struct entry_try *e)
{
    struct admission_request with = *q;
    with.denies = on_denies;
    e->node = n;
    e->side = q->side;
    registry_admit(nodes[n].registry, &with, on_admission, e);
}

void knock_at(struct entry_try *e, int n, enum side side, const char *token, const char *client)
{
    bool joins = e->joins;
    *e = (struct entry_try){.joins = joins};
    come_to(n,
            &(struct admission_request){
                .side = side, .token = span_of(token), .client_token = span_of(client)},
            e);
}

int outcome(struct entry_try *e)
{
    UNTIL_TRUE(e->calls > 0);
    assert_int_equal(e->calls, 1);
    assert_true(e->admitted || e->elsewhere[0] != '\0' || e->status >= 400);
    return e->admitted ? 0 : e->elsewhere[0] != '\0' ? 1 : e->status;
}

int enter(int n, enum side side, const char *token, const char *client)
{
    struct entry_try e = {.joins = true};
    knock_at(&e, n, side, token, client);
    return outcome(&e);
}
