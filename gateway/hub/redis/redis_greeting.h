/* What is said to a server before its first command: login, what it is and keeps, what is pinned,
 * the functions. Private to the folder. */
#ifndef GATEWAY_HUB_REDIS_REDIS_GREETING_H
#define GATEWAY_HUB_REDIS_REDIS_GREETING_H

#include "gateway/hub/redis/redis_link.h"

/* redis_pin's; empty texts: nothing is pinned. */
struct redis_pin {
    char key[64], field[64], value[64];
};

enum greeting_state { LOGIN, INFO, PIN, LIST, LIBRARY };

enum greeting_step {
    GREETING_GOES_ON,  /* an answer is waited for */
    GREETING_DONE,     /* the server will do */
    GREETING_PATIENCE, /* it asks for some: `text` says why; redis_greet_again later */
    GREETING_FAILED    /* `why`, and `text` */
};

struct redis_greeting {
    /* Set by the owner. */
    enum redis_kind kind;
    const char *user, *password, *name;
    const struct redis_pin *pin;
    struct redis_link *link;
    /* Read by it: the end of a sentence that begins with the server's name. */
    enum err why;
    char text[448];
    /* Private. */
    enum greeting_state at;
    bool heard;   /* it has answered on this connection */
    bool checked; /* it was found good once: what it keeps is only warned of from then on */
    bool warned;  /* it was, and is not: it may lose what it keeps */
};

/* To a link that is connected. */
enum greeting_step redis_greet(struct redis_greeting *g);
enum greeting_step redis_greet_again(struct redis_greeting *g);
/* Only the functions, in between. */
enum greeting_step redis_greet_load(struct redis_greeting *g);
enum greeting_step redis_greet_answer(struct redis_greeting *g, const struct redis_reply *reply);

/* Of a server that is greeted: asks anew what it is and keeps. The answer is the second one's, and
 * changes `warned`. False: no memory; and: it will not do any more, which a greeting tells. */
bool redis_greet_look(struct redis_greeting *g);
bool redis_greet_looked(struct redis_greeting *g, const struct redis_reply *reply);

/* The functions' name in Redis: "put" becomes what library.lua registers. */
void redis_function(const char *name, char *out, size_t size);

#endif
