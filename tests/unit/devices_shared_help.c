#include "tests/unit/devices_shared_help.h"

#include "core/base/clock.h"
#include "core/base/random.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#define SHARDS 3

struct redis_test server;
static struct redis_test shards[SHARDS];
struct node node[NODES];
const uint8_t *secrets_key;
bool hints_get_lost;
uint64_t watch_ms;

/* ---- what each node is told ---- */

static void told_enrolled(void *owner, const struct device_record *d)
{
    (void)d;
    ((struct node *)owner)->enrolled++;
}

static void told_changed(void *owner, const struct device_record *d, enum device_state before)
{
    (void)d, (void)before;
    ((struct node *)owner)->changed++;
}

static void told_reset(void *owner, const struct device_record *d)
{
    assert_false(d->has_key);
    ((struct node *)owner)->reset++;
}

static void told_removed(void *owner, const struct device_record *d)
{
    assert_non_null(d->name);
    ((struct node *)owner)->removed++;
}

static void told_moved(void *owner, const struct device_record *d)
{
    assert_non_null(d->node);
    ((struct node *)owner)->moved++;
}

static const struct device_events events = {.enrolled = told_enrolled,
                                            .changed = told_changed,
                                            .reset = told_reset,
                                            .removed = told_removed,
                                            .moved = told_moved};

/* As the node would hear of it, only sooner. */
static void hint(void *owner, const char *to, const char *kind, const char *id)
{
    (void)owner;
    assert_string_equal(kind, "device");
    for (int i = 0; i < NODES && !hints_get_lost; i++)
        if (strcmp(nodes_owner(node[i].nodes), to) == 0)
            device_registry_look(node[i].devices, span_of(id));
}

/* ---- from the beginning to the end ---- */

static void open_node(struct node *n, struct nodes *as)
{
    char text[512] = "";
    enum err why;
    n->redis =
        redis_new(&(struct redis_options){.loop = loop, .url = server.url, .timeout_ms = 20000},
                  &why, text, sizeof text);
    if (n->redis == NULL)
        fail_msg("%s: %s", err_name(why), text);
    n->nodes = as;
    double_fenced(as);
    n->devices = shared_devices_new(&(struct shared_devices_options){.loop = loop,
                                                                     .redis = n->redis,
                                                                     .nodes = n->nodes,
                                                                     .secrets_key = secrets_key,
                                                                     .max_invitations = 100,
                                                                     .remembered = 5,
                                                                     .watch_ms = watch_ms,
                                                                     .hint = hint},
                                    &why, text, sizeof text);
    if (n->devices == NULL)
        fail_msg("%s: %s", err_name(why), text);
    n->subscriber = (struct device_subscriber){.events = &events, .owner = n};
    device_registry_subscribe(n->devices, &n->subscriber);
}

static void open_shared(void)
{
    redis_faults_none(loop);
    for (int i = 0; i < NODES; i++)
        open_node(&node[i], &doubles[i]);
    at_node(0);
}

static void close_shared(void)
{
    for (int i = 0; i < NODES; i++) {
        device_registry_free(node[i].devices);
        node[i].nodes->info.state = NODE_DEAD;
        redis_free(node[i].redis);
    }
}

/* ---- servers ---- */

static bool all_shards_ok(void)
{
    for (int i = 0; i < SHARDS; i++) {
        const char *info = REDIS_CLI(&shards[i], "CLUSTER", "INFO");
        if (strstr(info, "cluster_state:ok") == NULL ||
            strstr(info, "cluster_known_nodes:3") == NULL)
            return false;
    }
    return true;
}

static bool is_free(int port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool mine = bind(fd, (struct sockaddr *)&at, sizeof at) == 0;
    close(fd);
    return mine;
}

/* One whose second port, 10,000 above, is free and no outgoing connection's, either. */
static void choose_port(struct redis_test *t)
{
    snprintf(t->folder, sizeof t->folder, "/tmp/tunnel-redis-XXXXXX");
    assert_non_null(mkdtemp(t->folder));
    do {
        uint16_t dice = 0;
        random_bytes(&dice, sizeof dice);
        t->port = 10000 + dice % 12000;
    } while (!is_free(t->port) || !is_free(t->port + 10000));
}

void start_shards(void)
{
    static const char *const ranges[SHARDS][2] = {
        {"0", "5460"}, {"5461", "10922"}, {"10923", "16383"}};
    char port[16];
    for (int i = 0; i < SHARDS; i++) {
        choose_port(&shards[i]);
        redis_test_start(&shards[i], (const char *const[]){"--cluster-enabled", "yes", NULL});
        snprintf(port, sizeof port, "%d", shards[0].port);
        if (i > 0)
            assert_string_equal(REDIS_CLI(&shards[i], "CLUSTER", "MEET", "127.0.0.1", port), "OK");
        assert_string_equal(
            REDIS_CLI(&shards[i], "CLUSTER", "ADDSLOTSRANGE", ranges[i][0], ranges[i][1]), "OK");
    }
    snprintf(server.url, sizeof server.url, "redis+cluster://127.0.0.1:%d", shards[0].port);
    uint64_t end = uv_hrtime() + UINT64_C(60000000000);
    while (!all_shards_ok()) {
        assert_true(uv_hrtime() < end);
        usleep(20000);
    }
}

void flush_servers(void)
{
    bool many = shards[0].pid != 0;
    for (int i = 0; i < (many ? SHARDS : 1); i++)
        assert_string_equal(REDIS_CLI(many ? &shards[i] : &server, "FLUSHALL"), "OK");
}

void stop_servers(void)
{
    bool many = shards[0].pid != 0;
    for (int i = 0; i < (many ? SHARDS : 1); i++)
        redis_test_stop(many ? &shards[i] : &server);
}

/* Keys end by Redis' own clock, so that of the test has to begin with the same. */
static int64_t start(void)
{
    if (server.pid == 0 && shards[0].pid == 0)
        redis_test_start(&server, NULL);
    flush_servers();
    memset(node, 0, sizeof node);
    doubles_begin();
    cluster_clock = devices_now;
    hints_get_lost = false;
    return clock_wall_ms();
}

const struct devices_backend shared_backend = {
    .open = open_shared, .close = close_shared, .start = start};

/* ---- asking ---- */

void at_node(int n)
{
    devices = node[n].devices;
}

static bool quiet(void)
{
    for (int i = 0; i < NODES; i++)
        if (redis_counts(node[i].redis).unanswered > 0)
            return false;
    return true;
}

void settle(void)
{
    UNTIL(loop, quiet());
}

static void on_located(void *ctx, enum err why, const struct device_record *d)
{
    char *out = ctx;
    assert_int_equal(why, ERR_OK);
    snprintf(out, 64, "%s", d->node != NULL ? d->node : "");
}

const char *where(int n, const char *name)
{
    static char out[64];
    snprintf(out, sizeof out, "?");
    device_registry_get(node[n].devices, span_of(name), on_located, out);
    UNTIL(loop, out[0] != '?');
    return out;
}
