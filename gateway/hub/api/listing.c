/* ListTunnels: newest first, in pages. A page's token names the last tunnel on it by its number,
 * which goes on being right while tunnels come and go. */
#include "gateway/hub/api/call.h"

#include "gateway/hub/api/shapes.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#define PAGE 100 /* when maxResults is not given; its maximum too */
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

static bool is_shown(const struct call *c, const struct tunnel *t, const char *thing)
{
    const struct tunnel_record *r = &t->record;
    const char *its = r->thing[0] != '\0' ? r->thing : NULL;
    return (thing == NULL || strcmp(r->thing, thing) == 0) &&
           (c->key == NULL || key_sees(c->key, its, &r->tags));
}

/* The next one to show, from t on. */
static struct tunnel *skip(const struct call *c, struct tunnel *t)
{
    const char *thing = input_text(c->input, "thingName");
    while (t != NULL && !is_shown(c, t, thing))
        t = registry_older(c->api->registry, t);
    return t;
}

static void write_page(struct call *c, struct tunnel *t, size_t room)
{
    int64_t last = 0;
    json_open(&c->out, NULL, '{');
    json_open(&c->out, "tunnelSummaries", '[');
    for (t = skip(c, t); t != NULL && room > 0; room--) {
        json_open(&c->out, NULL, '{');
        write_summary(c, &t->record);
        json_close(&c->out, '}');
        last = t->record.number;
        t = skip(c, registry_older(c->api->registry, t));
    }
    json_close(&c->out, ']');
    if (t != NULL)
        write_page_token(c, last);
    json_close(&c->out, '}');
    answer_ok(c);
}

void list_tunnels(struct call *c)
{
    const cJSON *max = shape_member(c->input, "maxResults");
    const char *token = input_text(c->input, "nextToken");
    struct wish w = {0};
    int64_t number = 0;
    if (!permitted(c, &w, NULL))
        return;
    if (token != NULL && !read_page_token(token, &number)) {
        answer_fault(c, FAULT_VALIDATION, "nextToken is not one of this hub's.");
        return;
    }
    struct tunnel *first = token != NULL ? registry_below(c->api->registry, number)
                                         : registry_older(c->api->registry, NULL);
    write_page(c, first, max != NULL ? (size_t)max->valuedouble : PAGE);
}
