/* What the dashboard knows of the watched program: the newest snapshot, the history and events put
 * together from all snapshots, and the state of its own connection. Pure: the app, a replay or a
 * test feeds it, and views read it. Times are in seconds. */
#ifndef TUI_STATE_MODEL_H
#define TUI_STATE_MODEL_H

#include "core/control/client/snapshot.h"

#define MODEL_SECONDS 600
#define MODEL_TENS 360
#define MODEL_EVENTS 512

enum model_link {
    MODEL_NEVER, /* not connected yet */
    MODEL_LIVE,
    MODEL_LOST
};

/* Bytes in each sample, the newest last. n <= MODEL_SECONDS. */
struct model_history {
    size_t n;
    uint64_t last;
    uint64_t down[MODEL_SECONDS], up[MODEL_SECONDS];
};

/* An event that outlives its snapshot, or one of the dashboard's own ("lost", "back", "restarted",
 * "closed-all", "note"), which have text only. */
struct model_event {
    struct snapshot_event e; /* its strings are copies */
    char *memory;
};

/* Rows of a list that the program filters and sorts (share/doc/control.md, "Pages"). */
#define MODEL_FILTER 280    /* bytes of a filter, with its end */
#define MODEL_KEY 256       /* of a group's key */
#define MODEL_PAGE_MAX 4096 /* rows; a search looks at so many */
struct model_page {
    bool asked;  /* else nothing of that list is asked for; of streams: all are */
    size_t rows; /* how many; 0: only how many there are */
    size_t from; /* rows before the first one */
    char filter[MODEL_FILTER];
    const char *sort; /* a member's name */
    bool reverse;
};
/* What the screen needs of a snapshot. */
struct model_wanted {
    uint64_t detail; /* id of the stream whose history is shown; 0: none */
    struct model_page streams, closed, devices;
    uint64_t find;      /* id of the stream whose row is asked for; 0: none */
    const char *groups; /* "client", ...; NULL: none */
    uint64_t at_ms,
        during_ms;  /* streams as they were then, and in so long before; 0: as they are */
    bool kept;      /* they are asked for to be kept during the pause */
    bool one_group; /* streams are those of the group with this key only */
    char group[MODEL_KEY];
};

struct model {
    struct snapshot shown;  /* what views draw; schema 0: no snapshot yet */
    struct snapshot newest; /* while paused: shown after the pause; else zero */
    bool paused;
    bool keeping; /* while paused: the rows that the screen does not have are on their way */
    /* While paused and looking at a moment: the snapshot that `shown` has its streams, services
     * and groups from, and those that it had. */
    struct snapshot then;
    struct model_streams {
        struct snapshot_stream *items;
        size_t n;
        struct snapshot_page page;
        struct snapshot_service *services;
        size_t n_services;
        struct snapshot_groups groups;
        struct model_wanted answered;
    } own;
    uint64_t paused_event;        /* while paused: number of the newest event shown */
    double paused_clock;          /* while paused: the program's time of day */
    struct model_history seconds; /* continues during a pause; see paused_second */
    struct model_history tens;
    uint64_t paused_second, paused_ten; /* while paused: the newest sample shown */
    size_t n_events;                    /* oldest first, at most MODEL_EVENTS */
    struct model_event events[MODEL_EVENTS];
    uint64_t last_event;    /* number of the program's newest known event */
    uint64_t newest_stream; /* the highest id in an event "open" */
    /* What the last request asked for, and the request that `shown` and `newest` answer. */
    struct model_wanted asked, answered, answered_newest;

    enum model_link link;
    char socket[256];  /* path, for people */
    char problem[256]; /* LOST, NEVER: a sentence about the reason */
    double heard_at;   /* local clock: when the last snapshot came */
    double lost_at;    /* LOST: local clock when the connection was lost */
    double retry_at;   /* LOST: when the next try begins */
    unsigned tries;    /* LOST: failed tries in a row */
};

void model_init(struct model *m, const char *socket);
void model_free(struct model *m);

/* Takes *s over, which is zeroed. A snapshot of another instance resets the model, including a
 * pause, and adds an event "restarted"; the events seen before stay, with number 0. A snapshot
 * after a loss adds an event "back" that tells how long nothing was heard. now: the local monotonic
 * clock. */
void model_take(struct model *m, struct snapshot *s, double now);
#define MODEL_TARGET 3800
/* "/v1/snapshot?history=...&tens=...&events=..." asks for what is missing and wanted; the next
 * snapshot is taken for the answer to it. */
void model_target(struct model *m, const struct model_wanted *w, char out[MODEL_TARGET]);
void model_lost(struct model *m, const char *problem, double now, double retry_at);
/* Adds an event that came outside a snapshot (in a replay), unless it is known already. Strings are
 * copied. */
void model_event(struct model *m, const struct snapshot_event *e);
/* Of a program that sends pages, the streams that fit are asked for then (model_wanted.kept), up to
 * MODEL_PAGE_MAX, and the picture is that of their answer. */
void model_pause(struct model *m, bool pause);
/* No moment is looked at any more: a pause's picture has its own streams again. */
void model_present(struct model *m);
/* Whether all streams are here, also those that do not fit the filter, so that they can be filtered
 * and sorted here. */
bool model_has_all(const struct model *m);
/* The number of events that the pause hides. */
size_t model_held(const struct model *m);
/* Adds an event of the dashboard's own. */
void model_note(struct model *m, const char *event, double time, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Finds a stream of `shown` by its id, among those that have ended, too. NULL: it is not here. */
const struct snapshot_stream *model_stream(const struct model *m, uint64_t id);

#endif
