/* Limits events that others can cause again and again, for a log or a screen: the first ones of
 * each kind are told, the rest is counted and summed up once a window, so that a peer can fill
 * neither. Pure: the time is passed in, in milliseconds of a clock that does not jump back. */
#ifndef CORE_BASE_REPEATS_H
#define CORE_BASE_REPEATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REPEATS_SUBJECT_MAX 64 /* bytes kept of each text, with its NUL; the rest is cut */
#define REPEATS_KIND_MAX 160
#define REPEATS_LAST_MAX 160

/* An event, or the sum of the counted events of one kind. No text is NULL. */
struct repeat {
    /* The party that caused it, or the place: "10.0.0.1". Subject and kind together tell kinds
     * apart. */
    const char *subject;
    const char *kind;   /* what happened: "bad token" */
    const char *last;   /* detail of this event alone; in a sum, of the last counted one */
    int code;           /* the caller's own; in a sum, that of the kind's first event */
    uint64_t times, ms; /* in a sum: how many were counted and not told, and in how much time */
};

struct repeats_options {
    size_t kinds;       /* kinds that are told apart at a time; all others together are one more */
    struct repeat rest; /* texts and code of that one */
    unsigned burst;     /* events of a kind that are told at once */
    uint64_t every_ms;  /* after the burst: the time for each further event that is told */
    uint64_t window_ms; /* the time after which the count of a kind is told */
    void (*sum)(void *owner, const struct repeat *r);
    void *owner;
};

struct repeats;
struct repeats *repeats_new(const struct repeats_options *o); /* NULL: no memory */
void repeats_free(struct repeats *r);                         /* NULL is fine */
/* True: the caller tells the event; false: it is counted. Texts are copied. */
bool repeats_add(struct repeats *r, uint64_t now, const struct repeat *what);
/* Tells the counts whose window is over; to be called at least about once a window. */
void repeats_tick(struct repeats *r, uint64_t now);
/* Tells all counts, as at the end of a program. */
void repeats_end(struct repeats *r, uint64_t now);
/* Whether there are counted events that have not been told. */
bool repeats_pending(const struct repeats *r);

#endif
