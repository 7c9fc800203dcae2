#include "gateway/hub/refusals.h"

#include "core/base/log.h"
#include "core/base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENTRIES 256 /* addresses and reasons told apart within one window */
#define REASON_MAX 160

struct entry {
    char address[64]; /* "": free */
    char reason[REASON_MAX];
    enum err why;
    uint64_t since;
    uint64_t more; /* after the first */
};

struct refusals {
    uint64_t window_ms;
    void (*again)(void *owner, const struct refused_again *r);
    void *owner;
    struct entry entries[ENTRIES];
    struct entry others; /* what found no entry */
};

struct refusals *refusals_new(uint64_t window_ms,
                              void (*again)(void *owner, const struct refused_again *r),
                              void *owner)
{
    struct refusals *r = calloc(1, sizeof *r);
    if (r == NULL)
        return NULL;
    r->window_ms = window_ms;
    r->again = again;
    r->owner = owner;
    return r;
}

void refusals_free(struct refusals *r)
{
    free(r);
}

static void say(struct refusals *r, const struct entry *e, uint64_t now)
{
    struct log_field fields[] = {
        {"client", e->address, 0},
        {"reason", e->reason, 0},
        {"times", NULL, (int64_t)e->more},
        {"seconds", NULL, (int64_t)((now - e->since) / 1000)},
    };
    log_event(LOG_WARNING, "refused-again", fields, 4);
    if (r->again != NULL)
        r->again(r->owner, &(struct refused_again){e->address, e->reason, e->why, e->more});
}

static struct entry *find(struct refusals *r, const char *address, const char *reason)
{
    struct entry *vacant = NULL;
    for (size_t i = 0; i < ENTRIES; i++) {
        struct entry *e = &r->entries[i];
        if (e->address[0] == '\0')
            vacant = vacant != NULL ? vacant : e;
        else if (strcmp(e->address, address) == 0 && strcmp(e->reason, reason) == 0)
            return e;
    }
    return vacant;
}

bool refusals_add(struct refusals *r, uint64_t now, const char *client, const char *reason,
                  enum err why)
{
    char address[sizeof r->entries[0].address], cut[REASON_MAX];
    const char *port = strrchr(client, ':');
    int n = port != NULL ? (int)(port - client) : (int)strlen(client);
    snprintf(address, sizeof address, "%.*s", n > 0 ? n : 1, n > 0 ? client : "?");
    str_escape(span_of(reason), cut, sizeof cut);
    struct entry *e = find(r, address, cut);
    if (e == NULL) {
        e = &r->others;
        snprintf(address, sizeof address, "many addresses");
        snprintf(cut, sizeof cut, "various reasons");
        why = ERR_REJECTED;
    }
    if (e->address[0] != '\0') {
        e->more++;
        return false;
    }
    *e = (struct entry){.since = now, .why = why};
    memcpy(e->address, address, sizeof address);
    memcpy(e->reason, cut, sizeof cut);
    struct log_field fields[] = {{"client", client, 0}, {"reason", reason, 0}};
    log_event(LOG_WARNING, "refused", fields, 2);
    return true;
}

static void tick(struct refusals *r, struct entry *e, uint64_t now)
{
    if (e->address[0] == '\0' || now - e->since < r->window_ms)
        return;
    if (e->more > 0)
        say(r, e, now);
    *e = (struct entry){0};
}

void refusals_tick(struct refusals *r, uint64_t now)
{
    for (size_t i = 0; i < ENTRIES; i++)
        tick(r, &r->entries[i], now);
    tick(r, &r->others, now);
}
