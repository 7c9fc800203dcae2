#include "gateway/source/access.h"

#include "core/base/log.h"
#include "core/base/str.h"

#include <stdlib.h>
#include <string.h>

#define KINDS_MAX 64

/* Refusals of one reason in one protocol. */
struct refusals {
    enum err why;
    const char *protocol;
    bool told;       /* a line was written in this interval */
    unsigned untold; /* refusals since */
    char last[80];   /* what the last of them asked for */
};

struct access {
    struct timer *timer;
    bool running;
    struct refusals kinds[KINDS_MAX];
    size_t n_kinds;
};

static void tell(const struct refusals *r)
{
    const struct log_field fields[] = {{"protocol", r->protocol, 0},
                                       {"reason", err_name(r->why), 0},
                                       {"count", NULL, r->untold},
                                       {"last_asked", r->last, 0}};
    log_event(LOG_INFO, "refused more", fields, sizeof fields / sizeof *fields);
}

/* Tells the counts. A kind that was quiet for an interval begins with a full line again. */
static void flush(void *owner)
{
    struct access *a = owner;
    a->running = false;
    for (size_t i = 0; i < a->n_kinds; i++) {
        struct refusals *r = &a->kinds[i];
        if (r->untold > 0)
            tell(r);
        r->told = r->untold > 0;
        r->untold = 0;
        a->running |= r->told;
    }
    if (a->running)
        timer_start(a->timer, ACCESS_PAUSE_MS);
}

/* When there are too many kinds the last one takes the rest. */
static struct refusals *kind_of(struct access *a, enum err why, const char *protocol)
{
    for (size_t i = 0; i < a->n_kinds; i++)
        if (a->kinds[i].why == why && strcmp(a->kinds[i].protocol, protocol) == 0)
            return &a->kinds[i];
    if (a->n_kinds == KINDS_MAX)
        return &a->kinds[KINDS_MAX - 1];
    struct refusals *r = &a->kinds[a->n_kinds++];
    *r = (struct refusals){.why = why, .protocol = protocol};
    return r;
}

struct access *access_new(struct loop *loop)
{
    struct access *a = calloc(1, sizeof *a);
    if (a == NULL)
        return NULL;
    a->timer = timer_new(loop, flush, a);
    if (a->timer == NULL) {
        free(a);
        return NULL;
    }
    return a;
}

void access_free(struct access *a)
{
    if (a == NULL)
        return;
    flush(a);
    timer_free(a->timer);
    free(a);
}

void access_ended(const struct access_line *line)
{
    const struct log_field fields[] = {
        {"client", line->client, 0},         {"protocol", line->protocol, 0},
        {"asked", line->asked, 0},           {"service", line->service, 0},
        {"ms", NULL, (int64_t)line->ms},     {"up", NULL, (int64_t)line->up},
        {"down", NULL, (int64_t)line->down}, {"reason", err_name(line->why), 0},
    };
    log_event(LOG_INFO, "stream", fields, sizeof fields / sizeof *fields);
}

void access_refused(struct access *a, const char *client, const char *protocol, const char *asked,
                    enum err why, const char *text)
{
    struct refusals *r = kind_of(a, why, protocol);
    if (r->told) {
        r->untold++;
        str_escape(span_of(asked), r->last, sizeof r->last);
        return;
    }
    r->told = true;
    if (!a->running) {
        a->running = true;
        timer_start(a->timer, ACCESS_PAUSE_MS);
    }
    const struct log_field fields[] = {
        {"client", client, 0},
        {"protocol", protocol, 0},
        {"asked", asked, 0},
        {"reason", err_name(why), 0},
        {"text", text != NULL ? text : err_text(why), 0},
    };
    log_event(LOG_INFO, "refused", fields, sizeof fields / sizeof *fields);
}
