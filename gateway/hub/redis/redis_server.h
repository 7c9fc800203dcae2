/* One Redis server: connected, greeted and checked, and connected again when it was lost. Commands
 * wait while that lasts. Private to the folder. */
#ifndef GATEWAY_HUB_REDIS_REDIS_SERVER_H
#define GATEWAY_HUB_REDIS_REDIS_SERVER_H

#include "gateway/hub/redis/redis_greeting.h"

struct redis_server;

struct redis_server_events {
    /* Before each connection: where is it? Comes back as redis_server_found. NULL: it stays where
     * it is. */
    void (*find)(void *owner, struct redis_server *s);
    /* It is greeted, and takes commands. */
    void (*ready)(void *owner, struct redis_server *s);
    /* A try to reach it, or its greeting, was in vain: ERR_BUSY: it asks for patience, and is asked
     * again on the same connection. text: a whole sentence. */
    void (*failed)(void *owner, struct redis_server *s, enum err why, const char *text);
    /* The command is the owner's again. */
    void (*answered)(void *owner, struct redis_server *s, struct redis_command *c,
                     const struct redis_reply *reply);
    /* The command was sent, and its answer is lost. True: it is to be sent again; false: the owner
     * has taken it back. */
    bool (*lost)(void *owner, struct redis_command *c);
};

struct redis_server_options {
    struct loop *loop;
    enum redis_kind kind;
    const struct redis_place *place; /* copied */
    const char *user, *password;     /* or NULL; they outlive the server */
    const struct redis_pin *pin;     /* outlives it, too */
    uint64_t timeout_ms, look_ms;
    const struct redis_server_events *events;
    void *owner;
};
struct redis_server *redis_server_new(const struct redis_server_options *o); /* NULL: no memory */
/* Only without commands. NULL is fine. */
void redis_server_free(struct redis_server *s);

/* Takes the command over; it goes out when the server is ready. */
void redis_server_send(struct redis_server *s, struct redis_command *c);
/* The answer to `find`. */
void redis_server_found(struct redis_server *s, const struct redis_place *place);
/* Or: nobody could tell, as the sentence says. A try in vain; does nothing when it was found. */
void redis_server_not_found(struct redis_server *s, enum err why, const char *text);
/* Loads the functions once more before anything else is sent. */
void redis_server_load(struct redis_server *s);
/* Drops the connection, and makes another one. */
void redis_server_again(struct redis_server *s);
/* Drops the connection for good; what it holds waits from then on. */
void redis_server_stop(struct redis_server *s);

/* Commands that wait to be sent. */
struct list *redis_server_waiting(struct redis_server *s);
bool redis_server_ready(const struct redis_server *s);
/* Two tries in a row were in vain: commands do not wait for the third. */
bool redis_server_down(const struct redis_server *s);
/* It was good, and is not any more: it may lose what it keeps. */
bool redis_server_unsafe(const struct redis_server *s);
const char *redis_server_name(const struct redis_server *s); /* "host:port", or a path */
const struct redis_place *redis_server_place(const struct redis_server *s);

#endif
