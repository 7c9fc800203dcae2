/* ListTunnels: newest first, in pages. A page's token names the last tunnel that was looked at by
 * its number, which goes on being right while tunnels come and go. */
#include "gateway/hub/api/api_internal.h"

#include "gateway/hub/api/shapes.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#define PAGE 100 /* when maxResults is not given; its maximum too */
#define PAGE_BYTES ((size_t)512 * 1024)
#define PAGE_LOOKS 20000 /* some milliseconds, in which the main thread does nothing else */
#define PAGE_TOKEN_BYTES 8

static void write_page_token(struct call *c, int64_t number)
{
    uint8_t bytes[PAGE_TOKEN_BYTES];
    char text[2 * PAGE_TOKEN_BYTES + 1];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)((uint64_t)number >> (56 - 8 * i));
    hex_encode(bytes, sizeof bytes, text);
    json_text(&c->out, "nextToken", span_of(text));
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
    const char *thing; /* NULL: any */
    size_t room;       /* tunnels that still fit */
    size_t looks;      /* tunnels and tags that may still be looked at */
    int64_t last;      /* the last tunnel that was looked at, and shown if it is to be */
};

static bool look(struct page *p, const struct tunnel_record *r)
{
    const struct access_key *key = p->c->key;
    if (p->thing != NULL && strcmp(r->thing, p->thing) != 0)
        return false;
    if (key == NULL)
        return true;
    if (key_reads_tags(key))
        p->looks -= p->looks < r->tags.n ? p->looks : r->tags.n;
    return key_sees(key, r->thing[0] != '\0' ? r->thing : NULL, &r->tags);
}

/* The next one to show, from t on; or, without looks, where to go on. NULL: the end. */
static struct tunnel *skip(struct page *p, struct tunnel *t)
{
    while (t != NULL && p->looks > 0) {
        p->looks--;
        if (look(p, &t->record))
            return t;
        p->last = t->record.number;
        t = registry_older(p->c->api->registry, t);
    }
    return t;
}

static bool is_open(const struct page *p)
{
    return p->room > 0 && p->looks > 0 && p->c->out.bytes.size < PAGE_BYTES;
}

static void write_page(struct page *p, struct tunnel *t)
{
    struct json_writer *out = &p->c->out;
    json_open(out, NULL, '{');
    json_open(out, "tunnelSummaries", '[');
    for (t = skip(p, t); t != NULL && is_open(p); p->room--) {
        json_open(out, NULL, '{');
        write_summary(p->c, &t->record);
        json_close(out, '}');
        p->last = t->record.number;
        t = skip(p, registry_older(p->c->api->registry, t));
    }
    json_close(out, ']');
    if (t != NULL)
        write_page_token(p->c, p->last);
    json_close(out, '}');
    answer_ok(p->c);
}

void list_tunnels(struct call *c)
{
    const cJSON *max = shape_member(c->input, "maxResults");
    const char *token = input_text(c->input, "nextToken");
    struct access_request w = {0};
    int64_t number = 0;
    if (!permitted(c, &w, NULL))
        return;
    if (token != NULL && !read_page_token(token, &number)) {
        answer_fault(c, FAULT_VALIDATION, "nextToken is not one of this hub's.");
        return;
    }
    struct tunnel *first = token != NULL ? registry_below(c->api->registry, number)
                                         : registry_older(c->api->registry, NULL);
    struct page page = {.c = c,
                        .thing = input_text(c->input, "thingName"),
                        .room = max != NULL ? (size_t)max->valuedouble : PAGE,
                        .looks = PAGE_LOOKS};
    write_page(&page, first);
}
