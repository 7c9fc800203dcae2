/* ListDevices: in the order of their names, in pages. A page's token is the last name that was
 * looked at, in hex, so it stays valid while devices come and go. */
#include "core/base/encoding.h"
#include "core/device/device_name.h"
#include "gateway/hub/api/api_internal.h"
#include "gateway/hub/api/shapes.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct page {
    struct call *c;
    struct tags labels;   /* a device must have them all */
    const char *presence; /* NULL: any; a word of the model, of the input */
    size_t room, looks;
    char last[DEVICE_NAME_MAX + 1]; /* the last one that was shown or passed over */
    bool more;
};

static bool read_page_token(const char *text, char after[DEVICE_NAME_MAX + 1])
{
    size_t n = strlen(text) / 2;
    if (n == 0 || n > DEVICE_NAME_MAX || !hex_decode(span_of(text), (uint8_t *)after, n))
        return false;
    after[n] = '\0';
    return device_name_valid((struct span){after, n});
}

static bool has_label(const struct tags *labels, const struct tag *wanted)
{
    for (size_t i = 0; i < labels->n; i++)
        if (strcmp(labels->items[i].key, wanted->key) == 0)
            return strcmp(labels->items[i].value, wanted->value) == 0;
    return false;
}

static bool is_to_be_shown(const struct page *p, const struct device_record *d)
{
    for (size_t i = 0; i < p->labels.n; i++)
        if (!has_label(&d->labels, &p->labels.items[i]))
            return false;
    if (!may_know(p->c, d))
        return false;
    if (p->presence == NULL)
        return true;
    const struct device_presence *here = presence_of(p->c, d->name);
    bool present = (here != NULL && here->present) || d->node != NULL;
    return present == (strcmp(p->presence, "PRESENT") == 0);
}

static bool on_device(void *ctx, const struct device_record *d)
{
    struct page *p = ctx;
    struct json_writer *out = &p->c->out;
    size_t cost = 1 + d->labels.n;
    p->more = p->looks == 0;
    if (p->more)
        return false;
    p->looks -= p->looks < cost ? p->looks : cost;
    if (is_to_be_shown(p, d)) {
        p->more = p->room == 0 || out->bytes.size >= PAGE_BYTES;
        if (p->more)
            return false;
        p->room--;
        json_open(out, NULL, '{');
        write_device(p->c, d);
        json_close(out, '}');
    }
    snprintf(p->last, sizeof p->last, "%s", d->name);
    return true;
}

static void on_end(void *ctx, enum err why)
{
    struct page *p = ctx;
    char token[2 * DEVICE_NAME_MAX + 1];
    hex_encode((const uint8_t *)p->last, strlen(p->last), token);
    answer_page_end(p->c, why, p->more ? token : NULL);
    tags_free(&p->labels);
    free(p);
}

static struct page *page_new(struct call *c)
{
    const cJSON *max = shape_member(c->input, "maxResults");
    struct page *p = calloc(1, sizeof *p);
    if (p == NULL) {
        answer_error(c, ERR_NO_MEMORY);
        return NULL;
    }
    *p = (struct page){.c = c,
                       .presence = input_text(c->input, "presence"),
                       .room = max != NULL ? (size_t)max->valuedouble : PAGE,
                       .looks = PAGE_LOOKS};
    if (take_tags(c, shape_member(c->input, "labels"), &p->labels))
        return p;
    tags_free(&p->labels);
    free(p);
    return NULL;
}

void list_devices(struct call *c, const struct tunnel_record *t)
{
    const char *token = input_text(c->input, "nextToken");
    char after[DEVICE_NAME_MAX + 1] = "";
    struct access_request w = {0};
    (void)t;
    if (!permitted(c, &w, NULL))
        return;
    if (token != NULL && !read_page_token(token, after)) {
        answer_fault(c, FAULT_VALIDATION, "nextToken is not one of this hub's.");
        return;
    }
    struct page *p = page_new(c);
    if (p == NULL)
        return;
    answer_page(c, "devices");
    device_registry_page(c->api->devices,
                         &(struct device_page){.after = after, .each = on_device, .done = on_end},
                         p);
}
