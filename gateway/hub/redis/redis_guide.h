/* Who knows where the masters are: Sentinels, or any server of a Redis Cluster. One of several is
 * asked the same question, again and again; who does not answer is left for the next one. Private
 * to the folder. */
#ifndef GATEWAY_HUB_REDIS_REDIS_GUIDE_H
#define GATEWAY_HUB_REDIS_REDIS_GUIDE_H

#include "gateway/hub/redis/redis_reply.h"
#include "gateway/hub/redis/redis_url.h"

#define REDIS_GUIDE_WORDS 3 /* of the question, at most */

struct redis_guide;
struct redis_guide_options {
    struct loop *loop;
    const char *user, *password; /* or NULL; they outlive the guide */
    const char *what;            /* "Sentinel", for sentences */
    uint64_t timeout_ms;
    uint64_t period_ms;                      /* between an answer and the next question */
    const char *question[REDIS_GUIDE_WORDS]; /* its words, NULL after the last one */
    /* The i-th of those who may be asked; NULL: there are no more. */
    const struct redis_place *(*place)(void *owner, size_t i);
    /* False: this one cannot tell, as the sentence says, which begins with its name. */
    bool (*answered)(void *owner, const struct redis_place *from, const struct redis_reply *reply,
                     char *text, size_t size);
    /* All were asked in vain, the last one as the sentence says. They are asked again in a while.
     */
    void (*failed)(void *owner, enum err why, const char *text);
    void *owner;
};
/* Asks at once. NULL: no memory. */
struct redis_guide *redis_guide_new(const struct redis_guide_options *o);
void redis_guide_free(struct redis_guide *g); /* not from inside its events; NULL is fine */
void redis_guide_ask(struct redis_guide *g);  /* as soon as possible */

#endif
