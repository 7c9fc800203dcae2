/* What others make happen again and again, for a log or a screen: of each kind the first ones are
 * told, the rest is counted and summed up once a window, so that nobody can fill either. Pure: time
 * is passed in, in milliseconds of a clock that does not jump back. */
#ifndef CORE_BASE_REPEATS_H
#define CORE_BASE_REPEATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REPEATS_SUBJECT_MAX 64 /* bytes that are kept of each, with the end; more is cut */
#define REPEATS_KIND_MAX 160
#define REPEATS_LAST_MAX 160

/* Something that happened, and what piled up of its kind. None of the texts is NULL. */
struct repeat {
    const char *subject; /* whose doing, or where: "10.0.0.1"; with kind it tells kinds apart */
    const char *kind;    /* what: "bad token" */
    const char *last;    /* about this one alone; of a sum: about the last one that was counted */
    int code;            /* the caller's; of a sum: that of the kind's first */
    uint64_t times, ms;  /* of a sum: how many were counted and not told, and in which time */
};

struct repeats_options {
    size_t kinds;       /* so many are told apart at a time; all others together are one more, */
    struct repeat rest; /* which has these texts and this code */
    unsigned burst;     /* so many of a kind are told at once, */
    uint64_t every_ms;  /* and then one in that time */
    uint64_t window_ms; /* so often a kind's count is told */
    void (*sum)(void *owner, const struct repeat *r);
    void *owner;
};

struct repeats;
struct repeats *repeats_new(const struct repeats_options *o); /* NULL: no memory */
void repeats_free(struct repeats *r);                         /* NULL is fine */
/* True: tell it; false: it is counted. Texts are copied. */
bool repeats_add(struct repeats *r, uint64_t now, const struct repeat *what);
/* Tells the counts whose window is over; call it about once a window or more often. */
void repeats_tick(struct repeats *r, uint64_t now);
/* Tells all counts, as at the end of a program. */
void repeats_end(struct repeats *r, uint64_t now);
/* Something is counted that was not told. */
bool repeats_pending(const struct repeats *r);

#endif
