#include "gateway/hub/azure/azure_topics.h"

#include "core/base/encoding.h"
#include "core/base/random.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_PREFIX "$iothub/streams/res/"
#define RID_FORMAT "%06" PRIx32
#define RID_MASK 0xffffffu
#define URL_MAX 1024

bool azure_stream_name_valid(struct span name)
{
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        if ((c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') &&
            (c == '\0' || strchr("-_:.", c) == NULL))
            return false;
    }
    return name.n > 0 && name.n <= AZURE_STREAM_NAME_MAX;
}

bool azure_topic_write(const struct azure_stream_topic *t, char *out, size_t size)
{
    char url[3 * URL_MAX + 1];
    if (strlen(t->url) > URL_MAX)
        return false;
    percent_encode(span_of(t->url), url);
    int n = snprintf(out, size, "$iothub/streams/POST/%s/?$rid=%s&$url=%s&$auth=%s", t->stream,
                     t->rid, url, t->token);
    return n >= 0 && (size_t)n < size;
}

/* ---- answers ---- */

static bool cut_prefix(struct span *s, const char *prefix)
{
    size_t n = strlen(prefix);
    if (s->n < n || memcmp(s->p, prefix, n) != 0)
        return false;
    *s = (struct span){s->p + n, s->n - n};
    return true;
}

/* Finds $rid among the properties, which are separated by '&'. */
static bool take_rid(struct span properties, char rid[AZURE_RID_SIZE])
{
    while (properties.n > 0) {
        struct span value = span_cut(&properties, '&'), name = span_cut(&value, '=');
        if (!span_is(name, "$rid"))
            continue;
        if (value.n == 0 || value.n >= AZURE_RID_SIZE || memchr(value.p, '\0', value.n) != NULL)
            return false;
        snprintf(rid, AZURE_RID_SIZE, "%.*s", (int)value.n, value.p);
        return true;
    }
    return false;
}

bool azure_topic_read_answer(struct span topic, struct azure_answer *out)
{
    uint64_t code;
    *out = (struct azure_answer){0};
    if (!cut_prefix(&topic, ANSWER_PREFIX) || !str_number(span_cut(&topic, '/'), 999, &code))
        return false;
    cut_prefix(&topic, "?");
    out->accepted = code == 200;
    return take_rid(topic, out->rid);
}

/* ---- request ids ---- */

bool azure_rids_add(struct azure_rids *r, const char *notice, char rid[AZURE_RID_SIZE])
{
    if (r->notices == NULL) {
        r->notices = calloc(AZURE_RIDS, sizeof *r->notices);
        if (r->notices == NULL)
            return false;
        random_bytes(&r->first, sizeof r->first);
        r->next = r->first;
    }
    snprintf(r->notices[r->next % AZURE_RIDS], NOTICE_ID_SIZE, "%s", notice);
    snprintf(rid, AZURE_RID_SIZE, RID_FORMAT, r->next & RID_MASK);
    r->next++;
    if (r->next - r->first > AZURE_RIDS)
        r->first++;
    return true;
}

const char *azure_rids_find(const struct azure_rids *r, const char *rid)
{
    char text[AZURE_RID_SIZE];
    for (uint32_t i = r->first; i != r->next; i++) {
        snprintf(text, sizeof text, RID_FORMAT, i & RID_MASK);
        if (strcmp(text, rid) == 0)
            return r->notices[i % AZURE_RIDS];
    }
    return NULL;
}

void azure_rids_free(struct azure_rids *r)
{
    free(r->notices);
    *r = (struct azure_rids){0};
}
