/* What comes from Redis, and where it is. Input: one byte that chooses, then replies (any split),
 * an address, INFO, a redirect, or the list of nodes. The oracle: what is read lies within its
 * bounds, and an address that is accepted is accepted again as it was understood. */
#include "gateway/hub/cluster/nodes_view.h"
#include "gateway/hub/redis/redis_info.h"
#include "gateway/hub/redis/redis_reply.h"
#include "gateway/hub/redis/redis_slot.h"
#include "gateway/hub/redis/redis_url.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

/* As deep as hiredis reads. */
static void walk(const struct redis_reply *r, int depth)
{
    MUST(depth < 9);
    MUST(redis_text(r).p == NULL || redis_text(r).p[redis_text(r).n] == 0);
    redis_integer(r);
    redis_field(r, 0, "v");
    for (size_t i = 0; i < redis_count(r); i++)
        if (redis_item(r, i) != NULL)
            walk(redis_item(r, i), depth + 1);
}

static void read_replies(const uint8_t *p, size_t n, size_t step)
{
    struct reply_reader *r = reply_reader_new();
    struct redis_reply *reply = NULL;
    enum err why = ERR_OK;
    for (size_t at = 0; at < n && why == ERR_OK; at += step) {
        MUST(reply_reader_feed(r, p + at, step < n - at ? step : n - at));
        while ((why = reply_reader_next(r, &reply)) == ERR_OK && reply != NULL) {
            walk(reply, 0);
            redis_reply_free(reply);
        }
    }
    MUST(why == ERR_OK || why == ERR_PROTOCOL || why == ERR_TOO_LARGE);
    reply_reader_free(r);
}

static void read_url(const char *text)
{
    struct redis_url u, v;
    char problem[512], again[512];
    if (redis_url_parse(text, &u, problem, sizeof problem) != ERR_OK) {
        MUST(u.n == 0 && problem[0] != 0);
        return;
    }
    MUST(u.n > 0 && u.n <= REDIS_PLACES_MAX);
    MUST((u.kind == REDIS_SENTINEL) == (u.master != NULL));
    for (size_t i = 0; i < u.n; i++) {
        const struct redis_place *p = &u.places[i];
        MUST(p->host[0] != 0 && p->port >= 0 && p->port <= 65535);
        MUST((p->port == 0) == (strchr(p->host, '/') != NULL));
        snprintf(again, sizeof again, strchr(p->host, ':') ? "redis://[%s]:%d" : "redis://%s:%d",
                 p->host, p->port);
        if (p->port == 0 || strlen(p->host) > 300)
            continue;
        MUST(redis_url_parse(again, &v, problem, sizeof problem) == ERR_OK);
        MUST(strcmp(v.places[0].host, p->host) == 0 && v.places[0].port == p->port);
        redis_url_free(&v);
    }
    redis_url_free(&u);
}

static void read_info(struct span text)
{
    struct redis_info i;
    char sentence[320];
    bool lasting;
    redis_info_read(text, &i);
    for (int kind = REDIS_PLAIN; kind <= REDIS_SENTINEL; kind++)
        if (redis_info_check(&i, (enum redis_kind)kind, &lasting, sentence, sizeof sentence) ==
            ERR_OK)
            MUST(i.redis && i.major >= REDIS_VERSION_MIN && i.appends && !i.replica &&
                 i.cluster == (kind == REDIS_CLUSTER));
}

static void read_redirect(struct span text)
{
    struct redis_redirect to;
    redis_trouble(text);
    redis_slot(text);
    if (redis_redirect_read(text, &to))
        MUST(to.slot < REDIS_SLOTS && to.port > 0 && to.port < 65536 &&
             memchr(to.host, 0, sizeof to.host) != NULL);
}

static void on_node(void *owner, const struct node_info *n)
{
    (void)owner;
    MUST(node_name_is_valid(n->name));
    MUST(strpbrk(n->announce, "\r\n ") == NULL);
    MUST(strlen(n->address) <= NODE_TEXT_MAX && strlen(n->announce) <= NODE_TEXT_MAX);
}

static void on_overdue(void *owner, const struct seen_node *n)
{
    MUST(n->info.state != NODE_DEAD);
    on_node(owner, &n->info);
}

/* Each line is a node's name, a space, its text; an empty line begins the next answer. */
static void read_nodes(struct span text)
{
    static struct nodes_view view;
    uint64_t now = 1000;
    view = (struct nodes_view){
        .lease = 5000, .self = "self", .changed = on_node, .overdue = on_overdue};
    nodes_view_begin(&view, now, now);
    while (text.n > 0) {
        struct span value = span_cut(&text, '\n'), name = span_cut(&value, ' ');
        if (name.n > 0) {
            nodes_view_take(&view, name, value);
            continue;
        }
        nodes_view_end(&view);
        now += 2000;
        nodes_view_begin(&view, now, now);
    }
    nodes_view_end(&view);
    MUST(view.n <= NODES_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    char *text = malloc(size);
    MUST(text != NULL);
    memcpy(text, data + 1, size - 1);
    text[size - 1] = 0;
    struct span rest = {text, size - 1};
    switch (data[0] % 5) {
    case 0:
        read_replies(data + 1, size - 1, 1 + data[0] / 5u);
        break;
    case 1:
        read_url(text);
        break;
    case 2:
        read_info(rest);
        break;
    case 3:
        read_redirect(rest);
        break;
    default:
        read_nodes(rest);
    }
    free(text);
    return 0;
}
