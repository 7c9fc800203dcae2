/* Private to the shared registry, whose files share/doc/architecture.md has ("The registry of
 * tunnels"): what it keeps here, Redis' names and commands, jobs, and what is held. Main thread
 * only. */
#ifndef GATEWAY_HUB_REGISTRY_SHARED_SHARED_INTERNAL_H
#define GATEWAY_HUB_REGISTRY_SHARED_SHARED_INTERNAL_H

#include "core/base/map.h"
#include "gateway/hub/cluster/nodes.h"
#include "gateway/hub/redis/redis.h"
#include "gateway/hub/registry/heap.h"
#include "gateway/hub/registry/registry_ops.h"
#include "gateway/hub/registry/shared/shared_record.h"
#include "gateway/hub/registry/shared/shared_registry.h"

#define REQUEST_SIZE 33 /* 32 hex digits and NUL: names one change for Redis */
#define JOBS_MAX 8192   /* jobs at a time; more get ERR_BUSY */
#define CHAIN_MAX 64    /* of one tunnel */
#define TRIES_MAX 8     /* decisions of one job, since other nodes change the tunnel, too */
#define LISTS_MAX 256   /* lists at a time */
#define VERSION_SIZE 24
#define ID_SIZE 129 /* of a tunnel: 128 characters and NUL */
#define NUMBER_SIZE 24
#define KEY_SIZE 512

struct shared {
    struct registry registry; /* first member */
    struct shared_registry_options o;
    struct map chains; /* struct chain by tunnel */
    struct list jobs;  /* struct job */
    size_t n_jobs;
    struct list listings; /* struct listing */
    size_t n_listings;
    struct map held;   /* struct held by tunnel */
    struct list order; /* struct held: those that are looked at next first */
    struct list left;  /* struct held without ends here, the ones that left first first */
    size_t n_left, n_open;
    struct list unsettled; /* struct held for which Redis has to be told something again */
    bool failed;           /* that was so since the last tick */
    struct heap due;       /* struct held that are open */
    /* Of tunnels: the last one, and the last one a minute before. What an index has of up to the
     * older one, and is not there, is not on its way either. */
    int64_t last_number, old_number;
    struct counting {
        struct shared *shared; /* NULL: it is gone */
    } * counting;              /* NULL: the number is not being asked for */
    uint64_t counted_at;       /* loop_now */
    struct list cleanings;
    struct list doubts; /* struct doubt: openings whose answers were lost */
    size_t n_doubts;
    uint64_t opened;
    int64_t bucket; /* the newest one that is known to be listed */
    struct timer *tick;
};

static inline struct shared *shared_of(struct registry *r)
{
    return (struct shared *)r;
}

/* ---- shared_keys.c: Redis' names and commands ---- */

void key_tunnel(char out[KEY_SIZE], const char *id);
void key_token(char out[KEY_SIZE], const uint8_t token[TOKEN_HASH]);
void key_open(char out[KEY_SIZE], const char *key_id);
void key_thing(char out[KEY_SIZE], const char *thing);
#define BUCKET 65536 /* tunnels of one index */
void key_bucket(char out[KEY_SIZE], int64_t bucket);
#define KEY_BUCKETS "tunnel:buckets:{tunnels}"
#define KEY_NUMBER "tunnel:seq:{tunnels}"
void number_text(char out[NUMBER_SIZE], int64_t number);
/* redis_ask and redis_call with texts, the last of which is NULL. key: as for redis_ask. */
void shared_ask(struct shared *s, size_t key, redis_done *done, void *ctx, ...);
void shared_call(struct shared *s, const char *function, const char *key, redis_done *done,
                 void *ctx, ...);
/* The same for what nobody waits for, and whose loss a later look makes good. */
#define shared_tell(s, ...) shared_ask(s, 1, shared_ignore, NULL, __VA_ARGS__, (char *)NULL)
void shared_ignore(void *ctx, enum err why, const struct redis_reply *reply);
/* ---- shared_index.c: what leads to tunnels ---- */

/* What a token has led to before, by the answer to SET with GET, is not that tunnel. */
bool leads_elsewhere(const struct redis_reply *reply, const char *id);
/* Takes the tunnel, open or closed, out of all indexes; tokens: nothing leads to it any more. */
void index_forget(struct shared *s, const struct tunnel_record *t, bool tokens);
/* An index has it, and it is not there: it is taken out, unless it may be on its way. */
void index_stray(struct shared *s, const char *key, const char *id, int64_t number);
void index_count(struct shared *s); /* to be called once a minute */
/* A tunnel of that thing was opened: looks whether a few of its older ones are there still, and of
 * the oldest of all. */
void index_clean(struct shared *s, const char *thing);
void index_end(struct shared *s);

/* ---- shared_seen.c: what Redis has of a tunnel ---- */

struct seen {
    bool there;
    char version[VERSION_SIZE];
    struct shared_record r;
    char owner[NODE_OWNER_SIZE];
};
void seen_free(struct seen *x);
/* From field, value… beginning at `from`. Tunnels that are past their time are closed, those that
 * have been closed for long are not there. ERR_PROTOCOL (logged): it makes no sense. */
enum err seen_read(struct seen *x, struct shared *s, const char *id,
                   const struct redis_reply *reply, size_t from);
const char *seen_why(const struct tunnel_record *t, int64_t due); /* it ends then */

/* Who has the tunnel. What a node that drains has, it keeps, but others may take it. */
enum owner { OWNER_NONE, OWNER_SELF, OWNER_LIVE, OWNER_DRAINING, OWNER_DEAD };
enum owner seen_owner(const struct shared *s, const struct seen *x);
/* The live node that has it, and is another one; or NULL, also when nothing is known of it yet. */
const struct node_info *seen_elsewhere(const struct shared *s, const struct seen *x);
/* Shows its sides as disconnected when the node that had them is dead. True: that was so. */
bool seen_orphan(const struct shared *s, struct seen *x);

/* ---- shared_held.c: the tunnels in memory ---- */

struct held {
    struct tunnel_record record; /* as it was last told */
    char owner[NODE_OWNER_SIZE];
    bool here[SIDE_COUNT]; /* that end is connected here */
    bool opened;           /* here, on demand: it is held until it ends */
    bool settling;         /* a job that tells Redis and the subscribers is on its way */
    bool changed;          /* since that job has begun */
    uint64_t looked_at;    /* loop_now, when it was last asked for */
    struct list node;      /* shared.order */
    struct list left;      /* shared.left */
    struct list unsettled; /* shared.unsettled */
    struct heap_node end;  /* shared.due */
    uint64_t left_at;      /* loop_now, when the last end left */
};

struct held *held_find(const struct shared *s, struct span id);
static inline bool held_has_ends(const struct held *h)
{
    return h->here[SIDE_SOURCE] || h->here[SIDE_DESTINATION];
}
/* Holds what was seen, or brings it up to date. NULL: no memory. */
struct held *held_keep(struct shared *s, const struct seen *x);
/* Ends came or left. */
void held_arrange(struct shared *s, struct held *h);
void held_drop(struct shared *s, struct held *h);
void held_free_all(struct shared *s);
bool held_copy(struct tunnel_record *to, const struct tunnel_record *from); /* false: no memory */
/* When it ends, as long as it is open. */
static inline int64_t held_due(const struct held *h)
{
    return shared_due(&h->record, h->here[SIDE_SOURCE]);
}
/* The one with that token; *side: whose. NULL: there is none. */
struct held *held_by_token(const struct shared *s, const uint8_t token[TOKEN_HASH]);

/* ---- shared_observe.c: telling what is new ---- */

/* What a job has changed itself, for those who are told of it. */
struct own_change {
    const char *closed; /* why, or NULL */
    bool rotated[SIDE_COUNT];
    const char *token[SIDE_COUNT];
};
/* Tells the subscribers what is new of the tunnel, and brings what is held up to date. x is not
 * `there` when the tunnel is gone; its record may be one that is remembered, or empty. */
void observe(struct shared *s, const char *id, struct seen *x, const struct own_change *own);
/* Ends the tunnel, since its time is over, without Redis. */
void observe_expired(struct shared *s, struct held *h);

/* ---- shared_tick.c ---- */

void shared_tick(void *owner);

/* ---- shared_job.c: changes of one tunnel, one after the other ---- */

struct job;
enum job_step {
    JOB_DONE, /* job.why says how it ended */
    JOB_PUT,  /* job.seen is to be written */
    JOB_DROP, /* the tunnel is to be deleted */
    JOB_WAIT, /* job_go_on or job_end follows */
};
struct job_kind {
    /* Decides by what is there, job.seen, and changes it to what is to be written. Called once
     * more when another node was faster. */
    enum job_step (*decide)(struct job *j);
    /* Tells the caller how it ended. It is the tunnel's turn still. */
    void (*end)(struct job *j);
    void (*free)(struct job *j); /* what is its own, and the job; NULL: free() */
    bool keep;                   /* may be written when Redis is full */
};

struct job {
    struct list node;      /* shared.jobs */
    struct list turn;      /* chain.jobs */
    struct shared *shared; /* NULL: it has ended, and waits for the last answer alone */
    const struct job_kind *kind;
    struct chain *chain; /* or NULL */
    size_t pending;      /* answers of Redis and of others that are to come */
    unsigned tries;
    bool sent; /* something was to be written: perhaps it is */
    char request[REQUEST_SIZE];
    char expires[NUMBER_SIZE]; /* when the record goes, for PEXPIREAT; "": as it was */
    struct seen seen;
    struct own_change own;
    enum err why;
    registry_done *done;
    void *ctx;
    char id[ID_SIZE];
};

/* A job of `size` bytes, whose first member is the struct job, about that tunnel; nothing is begun.
 * NULL with *why: ERR_NOT_FOUND (no tunnel can have that id), ERR_BUSY (too many), ERR_NO_MEMORY.
 */
void *job_new(struct shared *s, const struct job_kind *kind, size_t size, struct span id,
              enum err *why);
/* Waits for the turn of the tunnel, reads it, and decides. */
void job_start(struct job *j);
/* After JOB_WAIT, or for a job without a chain: decides (anew) by what was read, or writes. */
void job_go_on(struct job *j);
void job_put(struct job *j);
void job_end(struct job *j, enum err why);
/* Each callback of a job begins with this. False: the job is over, and may be gone. */
bool job_back(struct job *j);
/* Answers all of them. */
void job_end_all(struct shared *s);

/* ---- shared_settle.c: what is here, and what Redis says ---- */

/* Makes Redis agree with the ends that are here, and tells what is new; one at a time for each
 * tunnel. */
void settle(struct shared *s, const char *id);
void settle_connected(struct registry *r, struct span id, enum side side, bool connected);
void settle_look(struct registry *r, const char *id);
void settle_reclaim(struct registry *r);

/* ---- shared_open.c, shared_change.c, shared_admit.c, shared_list.c: the registry's ops ---- */

void shared_open(struct registry *r, struct tunnel_record *record,
                 const char *const token[SIDE_COUNT], size_t max_open, registry_done *done,
                 void *ctx);
/* Removes what was opened and never told. */
void open_doubts(struct shared *s, size_t most);
void open_doubts_end(struct shared *s);
void shared_close(struct registry *r, const char *id, bool remove, const char *why,
                  registry_done *done, void *ctx);
void shared_rotate(struct registry *r, const char *id, const char *const token[SIDE_COUNT],
                   registry_done *done, void *ctx);
void shared_tag(struct registry *r, const char *id, const struct tag_change *c, registry_done *done,
                void *ctx);
void shared_admit(struct registry *r, const struct admission_request *q,
                  void (*done)(void *ctx, struct admission a), void *ctx);
void shared_get(struct registry *r, struct span id, registry_done *done, void *ctx);
void shared_page(struct registry *r, const struct registry_page *q, void *ctx);
void listing_end_all(struct shared *s);

/* The words of a closed tunnel, in static storage as events have them. */
const char *shared_why(const char *text);
/* When the record of a tunnel that ends then goes. */
int64_t shared_gone_at(const struct shared *s, int64_t ends);
static inline int64_t shared_now(const struct shared *s)
{
    return nodes_now(s->o.nodes);
}

#endif
