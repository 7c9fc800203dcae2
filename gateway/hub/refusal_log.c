#include "gateway/hub/refusal_log.h"

#include "core/base/log.h"
#include "core/base/repeats.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KINDS 256 /* pairs of address and reason told apart within one window */

struct refusal_log {
    void (*again)(void *owner, const struct refusal_repeated *r);
    void *owner;
    struct repeats *repeats;
};

static void say(void *owner, const struct repeat *sum)
{
    const struct refusal_log *r = owner;
    struct log_field fields[] = {
        {"client", sum->subject, 0},
        {"reason", sum->kind, 0},
        {"times", NULL, (int64_t)sum->times},
        {"seconds", NULL, (int64_t)(sum->ms / 1000)},
    };
    log_event(LOG_WARNING, "refused-again", fields, 4);
    if (r->again != NULL)
        r->again(r->owner, &(struct refusal_repeated){sum->subject, sum->kind, (enum err)sum->code,
                                                      sum->times});
}

struct refusal_log *refusal_log_new(uint64_t window_ms,
                                    void (*again)(void *owner, const struct refusal_repeated *r),
                                    void *owner)
{
    struct refusal_log *r = calloc(1, sizeof *r);
    if (r == NULL)
        return NULL;
    r->again = again;
    r->owner = owner;
    r->repeats = repeats_new(&(struct repeats_options){
        .kinds = KINDS,
        .rest = {.subject = "many addresses", .kind = "various reasons", .code = ERR_REJECTED},
        .burst = 1,
        .every_ms = window_ms,
        .window_ms = window_ms,
        .sum = say,
        .owner = r});
    if (r->repeats != NULL)
        return r;
    free(r);
    return NULL;
}

void refusal_log_free(struct refusal_log *r)
{
    if (r != NULL)
        repeats_free(r->repeats);
    free(r);
}

bool refusal_log_add(struct refusal_log *r, uint64_t now, const char *client, const char *reason,
                     enum err why)
{
    char address[REPEATS_SUBJECT_MAX];
    const char *port = strrchr(client, ':');
    int n = port != NULL ? (int)(port - client) : (int)strlen(client);
    snprintf(address, sizeof address, "%.*s", n > 0 ? n : 1, n > 0 ? client : "?");
    if (!repeats_add(
            r->repeats, now,
            &(struct repeat){.subject = address, .kind = reason, .last = "", .code = (int)why}))
        return false;
    struct log_field fields[] = {{"client", client, 0}, {"reason", reason, 0}};
    log_event(LOG_WARNING, "refused", fields, 2);
    return true;
}

void refusal_log_tick(struct refusal_log *r, uint64_t now)
{
    repeats_tick(r->repeats, now);
}
