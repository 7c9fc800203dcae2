#include "core/base/log.h"
#include "core/base/text.h"
#include "gateway/hub/cluster/nodes_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define LOOK_MS 250 /* between two looks at a node that has our name */

void nodes_refuse(struct nodes *n, enum err why, const char *text)
{
    if (n->starting) {
        n->state = NODES_REFUSED;
        n->why = why;
        snprintf(n->text, n->size, "%s", text);
        return;
    }
    timer_start(n->timer, NODES_BEAT_MS);
    if (why == ERR_ADDRESS_IN_USE) {
        n->state = NODES_REFUSED;
        n->o.taken(n->o.owner, text);
    } else if (!n->lost_told) {
        n->lost_told = true;
        log_error("%s", text);
    }
}

/* ---- the answers ---- */

static void on_joined(struct nodes *n, const struct redis_reply *reply)
{
    struct span epoch = redis_text(redis_item(reply, 2)), id = redis_text(redis_item(reply, 3));
    char text[512];
    if (epoch.n == 0 || epoch.n >= NUMBER_SIZE || id.n != NODE_ID_SIZE - 1) {
        nodes_refuse(n, ERR_PROTOCOL, "Redis answers what no node has asked for");
        return;
    }
    snprintf(n->epoch, sizeof n->epoch, "%.*s", (int)epoch.n, epoch.p);
    snprintf(n->owner, sizeof n->owner, "%s:%s", n->name, n->epoch);
    bool fresh = n->id[0] == 0;
    snprintf(n->id, sizeof n->id, "%.*s", (int)id.n, id.p);
    enum err why = ERR_OK;
    if (fresh && n->id_file != NULL)
        why = nodes_id_write(n->id_file, n->id, text, sizeof text);
    if (why != ERR_OK) {
        nodes_refuse(n, why, text);
        return;
    }
    nodes_follow_clock(n, redis_integer(redis_item(reply, 1)));
    n->lost_told = false;
    n->joined(n);
}

/* A node of our name is there: its process may be gone, which only time can tell. */
static void on_there(struct nodes *n, const struct redis_reply *reply)
{
    struct watch *w = &n->watch;
    uint64_t now = loop_now(n->o.loop);
    struct span epoch = redis_text(redis_item(reply, 1)), beat = redis_text(redis_item(reply, 2));
    struct seen_node other;
    char text[512];
    bool same = w->on && span_is(epoch, w->epoch) && span_is(beat, w->beat);
    if (w->on && !same) {
        node_text_read(redis_text(redis_item(reply, 3)), &other);
        snprintf(text, sizeof text, "another node with the name %s is alive, at %s", n->name,
                 other.address);
        nodes_refuse(n, ERR_ADDRESS_IN_USE, text);
        return;
    }
    if (!same) {
        snprintf(w->epoch, sizeof w->epoch, "%.*s", (int)epoch.n, epoch.n > 0 ? epoch.p : "");
        snprintf(w->beat, sizeof w->beat, "%.*s", (int)beat.n, beat.n > 0 ? beat.p : "");
        log_info("a node with the name %s did not leave; waiting whether it is alive", n->name);
    }
    if (!same || n->asked_at > w->last + n->view.lease / 2)
        w->since = now; /* nobody could beat while Redis was away */
    w->on = true;
    w->last = now;
    timer_start(n->timer, LOOK_MS);
}

static void on_other_cluster(struct nodes *n, const struct redis_reply *reply)
{
    char text[768], schema[32];
    struct span theirs = redis_text(redis_item(reply, 1)), id = redis_text(redis_item(reply, 2));
    uint64_t number = 0;
    text_copy(theirs, TEXT_ASCII, schema, sizeof schema);
    if (id.n == 0)
        snprintf(text, sizeof text,
                 "Redis has nothing of the cluster that this node belongs to: is it the right one, "
                 "and has it lost its data? To begin a new cluster, remove %s from every node",
                 n->id_file != NULL ? n->id_file : "the file of its id");
    else if (n->id[0] != 0 && !span_is(id, n->id))
        snprintf(text, sizeof text,
                 "Redis belongs to another cluster than this node, whose cluster's id is in %s",
                 n->id_file != NULL ? n->id_file : "no file");
    else if (str_number(theirs, UINT64_MAX, &number) && number > NODES_SCHEMA)
        snprintf(text, sizeof text,
                 "the cluster is of a later version than this node: its schema is %s, and this "
                 "node knows %d; upgrade the node",
                 schema, NODES_SCHEMA);
    else
        snprintf(text, sizeof text,
                 "the cluster is of an earlier version than this node: its schema is %s, and this "
                 "node needs %d",
                 schema, NODES_SCHEMA);
    nodes_refuse(n, ERR_PROTOCOL, text);
}

static void on_answer(void *ctx, enum err why, const struct redis_reply *reply)
{
    struct nodes *n = ctx;
    n->asked = false;
    if (n->state != NODES_JOINING)
        return;
    if (why != ERR_OK) {
        nodes_refuse(n, why,
                     why == ERR_PROTOCOL ? "Redis refuses what this node asks to join"
                                         : "Redis does not answer");
        return;
    }
    switch (redis_integer(redis_item(reply, 0))) {
    case 0:
        on_there(n, reply);
        return;
    case 1:
        on_joined(n, reply);
        return;
    case 2:
        on_other_cluster(n, reply);
        return;
    default:
        nodes_refuse(n, ERR_LIMIT, "the cluster has as many nodes as it can have");
    }
}

/* ---- the questions ---- */

void nodes_join_next(struct nodes *n)
{
    char info[NODE_INFO_MAX], schema[16], most[16], random[NODE_ID_SIZE];
    const struct watch *w = &n->watch;
    uint64_t now = loop_now(n->o.loop);
    if (n->asked)
        return;
    bool over = w->on && now >= w->since + n->view.lease;
    nodes_info(n, info, sizeof info);
    snprintf(schema, sizeof schema, "%d", NODES_SCHEMA);
    snprintf(most, sizeof most, "%d", NODES_MAX);
    nodes_random(random);
    const struct span args[] = {span_of(n->name),
                                span_of(n->instance),
                                span_of(info),
                                span_of(schema),
                                span_of(n->id),
                                span_of(random),
                                span_of(over ? w->epoch : ""),
                                span_of(over ? w->beat : ""),
                                span_of(most)};
    n->asked = true;
    n->asked_at = now;
    redis_call(n->o.redis, "join", NODES_KEY, args, sizeof args / sizeof *args, on_answer, n);
}

void nodes_join(struct nodes *n)
{
    n->state = NODES_JOINING;
    n->watch.on = false;
    nodes_join_next(n);
}
