/* ListTunnels: newest first, in pages. A page's token names the last tunnel that was looked at by
 * its number, which stays valid while tunnels come and go. */
#include "gateway/hub/api/api_internal.h"

#include "core/base/encoding.h"
#include "gateway/hub/api/shapes.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_TOKEN_BYTES 8

static void write_page_token(int64_t number, char text[2 * PAGE_TOKEN_BYTES + 1])
{
    uint8_t bytes[PAGE_TOKEN_BYTES];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)((uint64_t)number >> (56 - 8 * i));
    hex_encode(bytes, sizeof bytes, text);
}

static bool read_page_token(const char *text, int64_t *number)
{
    uint8_t bytes[PAGE_TOKEN_BYTES];
    uint64_t value = 0;
    if (!hex_decode(span_of(text), bytes, sizeof bytes))
        return false;
    for (size_t i = 0; i < sizeof bytes; i++)
        value = value << 8 | bytes[i];
    *number = (int64_t)value;
    return value <= INT64_MAX;
}

struct page {
    struct call *c;
    size_t room;  /* tunnels that still fit */
    size_t looks; /* tunnels and tags that may still be looked at */
    int64_t last; /* number of the last tunnel that was shown or passed over */
    bool more;    /* at least one tunnel follows */
};

static bool is_to_be_shown(struct page *p, const struct tunnel_record *t)
{
    const struct access_key *key = p->c->key;
    if (key == NULL)
        return true;
    if (key_reads_tags(key))
        p->looks -= p->looks < t->tags.n ? p->looks : t->tags.n;
    return key_sees(key, t->thing[0] != '\0' ? t->thing : NULL, &t->tags);
}

static bool on_tunnel(void *ctx, const struct tunnel_record *t)
{
    struct page *p = ctx;
    struct json_writer *out = &p->c->out;
    p->more = p->looks == 0;
    if (p->more)
        return false;
    p->looks--;
    if (is_to_be_shown(p, t)) {
        p->more = p->room == 0 || p->looks == 0 || out->bytes.size >= PAGE_BYTES;
        if (p->more)
            return false;
        p->room--;
        json_open(out, NULL, '{');
        write_summary(p->c, t);
        json_close(out, '}');
    }
    p->last = t->number;
    return true;
}

static void on_end(void *ctx, enum err why)
{
    struct page *p = ctx;
    char token[2 * PAGE_TOKEN_BYTES + 1];
    write_page_token(p->last, token);
    answer_page_end(p->c, why, p->more ? token : NULL);
    free(p);
}

void list_tunnels(struct call *c, const struct tunnel_record *t)
{
    const cJSON *max = shape_member(c->input, "maxResults");
    const char *token = input_text(c->input, "nextToken");
    struct registry_page query = {.below = INT64_MAX,
                                  .thing = input_text(c->input, "thingName"),
                                  .each = on_tunnel,
                                  .done = on_end};
    struct access_request w = {0};
    (void)t;
    if (!permitted(c, &w, NULL))
        return;
    if (token != NULL && !read_page_token(token, &query.below)) {
        answer_fault(c, FAULT_VALIDATION, "nextToken is not one of this hub's.");
        return;
    }
    struct page *page = malloc(sizeof *page);
    if (page == NULL) {
        answer_error(c, ERR_NO_MEMORY);
        return;
    }
    *page = (struct page){
        .c = c, .room = max != NULL ? (size_t)max->valuedouble : PAGE, .looks = PAGE_LOOKS};
    answer_page(c, "tunnelSummaries");
    registry_page(c->api->registry, &query, page);
}
