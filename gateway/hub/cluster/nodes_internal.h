/* What the parts of the membership share. Private to the folder. */
#ifndef GATEWAY_HUB_CLUSTER_NODES_INTERNAL_H
#define GATEWAY_HUB_CLUSTER_NODES_INTERNAL_H

#include "gateway/hub/cluster/nodes_view.h"
#include "gateway/hub/redis/redis.h"

#define NODES_KEY "tunnel:nodes:{nodes}"
#define NODE_INFO_MAX 1024 /* bytes of INFO */
#define NODE_ID_SIZE 33    /* 32 hex digits and NUL: a cluster's id, a process' instance */
#define NUMBER_SIZE 21     /* 20 digits and NUL */

enum membership { NODES_JOINING, NODES_JOINED, NODES_REFUSED, NODES_LEAVING };

/* Another process' node under our name, which may be dead: it is watched for the lease. */
struct watch {
    bool on;
    char epoch[NUMBER_SIZE], beat[NUMBER_SIZE];
    uint64_t since, last; /* when it was first and last seen with that beat */
};

struct nodes {
    struct nodes_options o;
    char *name, *address, *announce, *version, *id_file;
    enum membership state;
    struct timer *timer;
    bool asked;                   /* an answer is on its way */
    bool hurry;                   /* the next beat comes right after it */
    struct list waiting, hearing; /* struct nodes_waiter, for the next beat and the one at hand */
    bool draining;
    /* nodes_drain.c: NULL unless the others are waited for. */
    void (*drained)(void *owner);
    struct timer *drain_timer;
    struct nodes_waiter drain_waiter;
    uint64_t drain_until;
    bool marked;     /* seen_node.marked */
    bool listed;     /* an answer told of the others */
    uint64_t newest; /* the last epoch that any node had got then */
    bool lost_told;  /* "Redis has lost the cluster" was logged */
    uint64_t asked_at;
    char owner[NODE_OWNER_SIZE], epoch[NUMBER_SIZE];
    char instance[NODE_ID_SIZE];
    char id[NODE_ID_SIZE]; /* of the cluster; "": not known */
    struct watch watch;
    bool clock_known;
    int64_t offset;                  /* nodes_now less the loop's time */
    void (*joined)(struct nodes *n); /* it has an epoch, or a new one */
    void (*left)(void *owner);
    /* While nodes_new waits. */
    bool starting;
    enum err why;
    char *text;
    size_t size;
    struct nodes_view view;
};

/* Begins to join, or to join again. Ends in nodes.joined, or, while starting, in NODES_REFUSED. */
void nodes_join(struct nodes *n);
void nodes_join_next(struct nodes *n); /* the timer's, while joining */
/* While the program starts that ends it. Later it is told once and tried again, but for a name that
 * another process has (ERR_ADDRESS_IN_USE). */
void nodes_refuse(struct nodes *n, enum err why, const char *text);
/* Follows Redis' clock: `now` was told in an answer that came just now. */
void nodes_follow_clock(struct nodes *n, int64_t now);
void nodes_info(struct nodes *n, char *out, size_t size);

/* nodes_drain's `done` does not come any more. */
static inline void nodes_drain_end(struct nodes *n)
{
    timer_free(n->drain_timer);
    n->drain_timer = NULL;
    n->drained = NULL;
}

/* 32 random hex digits. */
void nodes_random(char out[NODE_ID_SIZE]);

/* The id in the file, or "" when there is none. ERR_PROTOCOL: the file has something else. Errors
 * come with a sentence. */
enum err nodes_id_read(const char *path, char id[NODE_ID_SIZE], char *text, size_t size);
enum err nodes_id_write(const char *path, const char *id, char *text, size_t size);

#endif
