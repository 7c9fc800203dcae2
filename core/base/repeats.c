#include "core/base/repeats.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct entry {
    bool used;
    char subject[REPEATS_SUBJECT_MAX], kind[REPEATS_KIND_MAX], last[REPEATS_LAST_MAX];
    int code;
    uint64_t since; /* when its window began */
    uint64_t due;   /* when its whole burst may be told again */
    uint64_t untold;
};

struct repeats {
    struct repeats_options o;
    size_t n_untold;        /* entries with a count */
    struct entry entries[]; /* o.kinds entries, and after them the one for all other kinds */
};

struct repeats *repeats_new(const struct repeats_options *o)
{
    struct repeats *r = calloc(1, sizeof *r + (o->kinds + 1) * sizeof *r->entries);
    if (r != NULL)
        r->o = *o;
    return r;
}

void repeats_free(struct repeats *r)
{
    free(r);
}

bool repeats_pending(const struct repeats *r)
{
    return r->n_untold > 0;
}

/* Compares a kept text with a new one, which may be longer and counts as cut. */
static bool same(const char *kept, const char *text, size_t room)
{
    return strncmp(kept, text, room - 1) == 0;
}

/* Returns the kind's entry, or a free one; NULL: all are taken. */
static struct entry *find(struct repeats *r, const struct repeat *what)
{
    struct entry *vacant = NULL;
    for (size_t i = 0; i < r->o.kinds; i++) {
        struct entry *e = &r->entries[i];
        if (!e->used)
            vacant = vacant != NULL ? vacant : e;
        else if (same(e->subject, what->subject, sizeof e->subject) &&
                 same(e->kind, what->kind, sizeof e->kind))
            return e;
    }
    return vacant;
}

static void begin(struct entry *e, const struct repeat *what, uint64_t now)
{
    *e = (struct entry){.used = true, .code = what->code, .since = now};
    snprintf(e->subject, sizeof e->subject, "%s", what->subject);
    snprintf(e->kind, sizeof e->kind, "%s", what->kind);
}

/* Each kind has a bucket of `burst` events that regains one every every_ms and is full again at
 * `due`. */
static bool may_tell(const struct repeats *r, struct entry *e, uint64_t now)
{
    uint64_t due = e->due > now ? e->due : now;
    if (due - now > (r->o.burst - 1) * r->o.every_ms)
        return false;
    e->due = due + r->o.every_ms;
    return true;
}

bool repeats_add(struct repeats *r, uint64_t now, const struct repeat *what)
{
    struct entry *e = find(r, what);
    if (e == NULL) {
        e = &r->entries[r->o.kinds];
        if (!e->used)
            begin(e, &r->o.rest, now);
    } else if (!e->used) {
        begin(e, what, now);
    }
    if (may_tell(r, e, now))
        return true;
    r->n_untold += e->untold++ == 0;
    snprintf(e->last, sizeof e->last, "%s", what->last);
    return false;
}

static void tell(struct repeats *r, struct entry *e, uint64_t now)
{
    const struct repeat sum = {e->subject, e->kind, e->last, e->code, e->untold, now - e->since};
    r->o.sum(r->o.owner, &sum);
    e->untold = 0;
    r->n_untold--;
}

void repeats_tick(struct repeats *r, uint64_t now)
{
    for (size_t i = 0; i <= r->o.kinds; i++) {
        struct entry *e = &r->entries[i];
        if (!e->used || now - e->since < r->o.window_ms)
            continue;
        if (e->untold > 0)
            tell(r, e, now);
        e->since = now;
        e->used = e->due > now; /* a kind with a full bucket is as good as new */
    }
}

void repeats_end(struct repeats *r, uint64_t now)
{
    for (size_t i = 0; i <= r->o.kinds; i++)
        if (r->entries[i].untold > 0)
            tell(r, &r->entries[i], now);
}
