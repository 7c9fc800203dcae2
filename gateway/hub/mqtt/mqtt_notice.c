#include "gateway/hub/mqtt/mqtt_notice.h"

#include "core/base/json_write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOTICE_MAX 32768 /* bytes of JSON */

void mqtt_notify_topic(const char *name, char out[static MQTT_NOTIFY_TOPIC_SIZE])
{
    snprintf(out, MQTT_NOTIFY_TOPIC_SIZE, "$aws/things/%.128s/tunnels/notify", name);
}

bool mqtt_aws_notice(struct buf *out, const struct notice_delivery *n, const char *region)
{
    struct json_writer w = {.bytes.limit = NOTICE_MAX};
    json_open(&w, NULL, '{');
    json_text(&w, "clientAccessToken", span_of(n->token));
    json_text(&w, "clientMode", span_of("destination"));
    json_text(&w, "region", span_of(region));
    json_open(&w, "services", '[');
    for (size_t i = 0; i < n->services->n; i++)
        json_text(&w, NULL, span_of(n->services->items[i]));
    json_close(&w, ']');
    json_close(&w, '}');
    bool ok = !w.failed && buf_append(out, w.bytes.data, w.bytes.size);
    buf_wipe(&w.bytes);
    return ok;
}

/* ---- letters ---- */

struct device_letter *mqtt_letter_new(const char *topic, struct span payload, bool again)
{
    size_t n = strlen(topic);
    struct device_letter *l = calloc(1, sizeof *l + n + payload.n);
    if (l == NULL)
        return NULL;
    list_init(&l->node);
    l->notice = true;
    l->again = again;
    l->n_topic = n;
    l->size = n + payload.n;
    memcpy(l->bytes, topic, n);
    if (payload.n > 0)
        memcpy(l->bytes + n, payload.p, payload.n);
    return l;
}

struct device_letter *mqtt_letter_last(void)
{
    struct device_letter *l = calloc(1, sizeof *l);
    if (l == NULL)
        return NULL;
    list_init(&l->node);
    l->last = true;
    return l;
}

/* ---- what is told ---- */

size_t mqtt_said_write(const struct mqtt_said *s, uint8_t out[static MQTT_SAID_MAX])
{
    size_t n = s->text.n < MQTT_SAID_TEXT_MAX ? s->text.n : MQTT_SAID_TEXT_MAX;
    out[0] = (uint8_t)s->kind;
    memcpy(out + 1, &s->topics, 4); /* both are on this machine */
    if (n > 0)
        memcpy(out + 5, s->text.p, n);
    return 5 + n;
}

bool mqtt_said_read(const uint8_t *p, size_t n, struct mqtt_said *out)
{
    if (n < 5 || p[0] >= MQTT_SAID_KINDS)
        return false;
    *out = (struct mqtt_said){.kind = p[0], .text = {(const char *)p + 5, n - 5}};
    memcpy(&out->topics, p + 1, 4);
    return true;
}
