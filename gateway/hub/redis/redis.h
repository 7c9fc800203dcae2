/* Redis as the shared registries use it: commands whose replies come later. Knows connections,
 * time limits, fail-over and the shards of a Redis Cluster; knows nothing of what is stored. Main
 * thread only. hiredis is not seen outside this folder.
 *
 * A command is answered once. Its answer may get lost, and then it is sent again here, within its
 * time limit; so each command must be safe to be done twice. ERR_BUSY: Redis is away, loading,
 * without memory for it, or too slow; it may have been done or not. While Redis is away that comes
 * at once, so whoever asks again waits for a moment before. Commands are in order only for one key,
 * and only while Redis is well: who needs an order waits for the answer. */
#ifndef GATEWAY_HUB_REDIS_REDIS_H
#define GATEWAY_HUB_REDIS_REDIS_H

#include "core/base/err.h"
#include "core/base/str.h"
#include "core/net/loop.h"

#define REDIS_ARGS_MAX 64 /* of a command, or of FCALL with what redis_call adds to it: 4 */
#define REDIS_COMMAND_MAX 1048576
#define REDIS_QUEUE_MAX 16384 /* commands unanswered; more get ERR_BUSY */

struct redis;
struct redis_reply; /* opaque */

struct redis_options {
    struct loop *loop;
    /* redis://[user:password@]host[:port], unix:/path,
     * redis+cluster://[user:password@]host[:port][,host[:port]…],
     * redis+sentinel://[user:password@]host[:port][,…]/master, with the Sentinels' own login
     * after it: ?sentinel_username=…&sentinel_password=….
     * The passwords may come from files instead. rediss: is refused in words
     * (share/doc/cluster.md). */
    const char *url;
    const char *password_file, *sentinel_password_file; /* or NULL */
    uint64_t timeout_ms; /* for connecting, and for the oldest command; 0: 2,000 */
    uint64_t look_ms;    /* between two looks at what a server is and keeps; 0: 60,000 */
    /* Redis answers again, or has stopped to; may be NULL. */
    void (*changed)(void *owner, bool up);
    void *owner;
};
/* Connects, checks (version 7, noeviction, append-only file, master, min-replicas-to-write with
 * Sentinel, password) and loads the functions. Runs the loop meanwhile: for timeout_ms at most for
 * each of these, and for up to a minute while Redis loads its data. NULL with *why and a sentence
 * for people. */
struct redis *redis_new(const struct redis_options *o, enum err *why, char *text, size_t size);
/* Answers what is unanswered with ERR_SHUTDOWN. Not from inside `done`. NULL is fine. */
void redis_free(struct redis *r);
bool redis_up(const struct redis *r);

/* reply: a view, NULL unless why is ERR_OK. ERR_BUSY, ERR_SHUTDOWN, ERR_TOO_LARGE (more than
 * REDIS_ARGS_MAX arguments, or REDIS_COMMAND_MAX bytes), or ERR_PROTOCOL: Redis answered with an
 * error that is nobody's weather (it is in the log). */
typedef void redis_done(void *ctx, enum err why, const struct redis_reply *reply);
/* args[0] is the command's name. key: index in args of the key that says which shard; 0: any.
 * Copies the args. `done` comes later and from outside, but at once with ERR_NO_MEMORY. */
void redis_ask(struct redis *r, const struct span *args, size_t n, size_t key, redis_done *done,
               void *ctx);
/* FCALL of a function of library.lua, by its name there, with one key. */
void redis_call(struct redis *r, const char *function, const char *key, const struct span *args,
                size_t n, redis_done *done, void *ctx);

/* From now on Redis counts as away unless that field of a hash is as it is now known: so a Redis
 * that has lost its data is not believed to hold nothing. Seen at each connection (of a Redis
 * Cluster, at those of the key's shard), and with redis_check. The texts are copied. */
void redis_pin(struct redis *r, const char *key, const char *field, const char *value);
void redis_check(struct redis *r); /* connects anew, with all checks */

/* Whoever asked with that ctx is told nothing any more: for its end. What was asked may still be
 * done. */
void redis_forget(struct redis *r, const void *ctx);

/* Readers of replies; all take what is there as it is: a missing or other kind reads as n 0, 0, "".
 */
size_t redis_count(const struct redis_reply *r);                             /* items of a list */
const struct redis_reply *redis_item(const struct redis_reply *r, size_t i); /* or NULL */
int64_t redis_integer(const struct redis_reply *r);  /* also of a text of digits */
struct span redis_text(const struct redis_reply *r); /* p NULL: nil */
struct span redis_field(const struct redis_reply *r, size_t from,
                        const char *name); /* in a list of field, value… that begins at `from` */

struct redis_counts {
    uint64_t commands, failed; /* asked for; answered with an error */
    uint64_t resent; /* sent again, since the connection was lost, or the server wanted it */
    uint64_t reconnects;
    size_t unanswered;
    size_t unsafe;    /* servers that were changed since the start, and may lose what they keep */
    uint64_t last_ms; /* how long the last answer took */
};
struct redis_counts redis_counts(const struct redis *r);
#endif
