#include "gateway/hub/redis/redis_guide.h"

#include "core/base/text.h"
#include "gateway/hub/redis/redis_info.h"
#include "gateway/hub/redis/redis_link.h"

#include <stdio.h>
#include <stdlib.h>

#define SOON_MS 100  /* before a question, so that many reasons are one */
#define LATER_MS 500 /* before all are asked again that could not tell */

struct redis_guide {
    struct redis_guide_options o;
    struct redis_link *link;
    struct timer *timer; /* the next question */
    size_t at;           /* the one that is asked */
    size_t vain;         /* how many were asked in vain, one after the other */
    bool connected, asking;
    struct redis_place place; /* a copy: those who may be asked change */
    char name[160];
};

static void ask(struct redis_guide *g);

static void leave(struct redis_guide *g)
{
    struct list sent;
    list_init(&sent);
    if (g->link != NULL)
        redis_link_take(g->link, &sent);
    redis_link_free(g->link);
    g->link = NULL;
    g->connected = false;
    while (!list_empty(&sent))
        redis_command_free(list_entry(sent.next, struct redis_command, node));
}

static void ask_next(struct redis_guide *g, enum err why, const char *text)
{
    leave(g);
    g->at++;
    g->vain++;
    g->asking = false;
    if (g->o.place(g->o.owner, g->at) == NULL)
        g->at = 0;
    if (g->o.place(g->o.owner, g->vain) != NULL) {
        ask(g);
        return;
    }
    g->vain = 0;
    timer_start(g->timer, LATER_MS);
    g->o.failed(g->o.owner, why, text);
}

static bool send_words(struct redis_guide *g, const struct span *words, size_t n)
{
    struct redis_command *c = redis_command_new(words, n);
    if (c != NULL && redis_link_send(g->link, c))
        return true;
    redis_command_free(c);
    return false;
}

static bool send_question(struct redis_guide *g)
{
    struct span login[3] = {span_of("AUTH")}, words[REDIS_GUIDE_WORDS];
    size_t n = 1, m = 0;
    if (g->o.user != NULL)
        login[n++] = span_of(g->o.user);
    login[n++] = span_of(g->o.password);
    for (; m < REDIS_GUIDE_WORDS && g->o.question[m] != NULL; m++)
        words[m] = span_of(g->o.question[m]);
    if (g->o.password != NULL && !g->connected && !send_words(g, login, n))
        return false;
    g->connected = true;
    return send_words(g, words, m);
}

static void on_connected(void *owner)
{
    struct redis_guide *g = owner;
    if (!send_question(g))
        ask_next(g, ERR_NO_MEMORY, err_text(ERR_NO_MEMORY));
}

static void on_answered(void *owner, struct redis_command *c, const struct redis_reply *reply)
{
    struct redis_guide *g = owner;
    char text[640], shown[256];
    redis_command_free(c);
    if (reply->type == REDIS_STATUS) /* the login's */
        return;
    if (reply->type == REDIS_ERROR) {
        text_copy(reply->text, TEXT_UTF8, shown, sizeof shown);
        snprintf(text, sizeof text, "%s says: %s", g->name, shown);
        ask_next(g, redis_trouble(reply->text) == REDIS_WAIT ? ERR_BUSY : ERR_PROTOCOL, text);
    } else if (g->o.answered(g->o.owner, &g->place, reply, shown, sizeof shown)) {
        g->vain = 0;
        g->asking = false;
        timer_start(g->timer, g->o.period_ms);
    } else {
        snprintf(text, sizeof text, "%s %s", g->name, shown);
        ask_next(g, ERR_PROTOCOL, text);
    }
}

static void on_lost(void *owner, enum err why)
{
    struct redis_guide *g = owner;
    char text[320];
    if (!g->asking) { /* it is asked again when its time has come */
        leave(g);
        return;
    }
    snprintf(text, sizeof text, "%s cannot be asked: %s", g->name, err_text(why));
    ask_next(g, why, text);
}

static const struct redis_link_events link_events = {on_connected, on_answered, on_lost};

static bool copy_place(struct redis_guide *g)
{
    const struct redis_place *place = g->o.place(g->o.owner, g->at);
    if (place == NULL)
        place = g->o.place(g->o.owner, g->at = 0);
    char *host = place != NULL ? str_copy(place->host) : NULL;
    if (host == NULL)
        return false;
    free(g->place.host);
    g->place = (struct redis_place){host, place->port};
    snprintf(g->name, sizeof g->name, "%s at %s:%d", g->o.what, host, place->port);
    return true;
}

static void ask(struct redis_guide *g)
{
    if (g->asking)
        return;
    timer_stop(g->timer);
    g->asking = true;
    if (g->link != NULL && g->connected) {
        if (!send_question(g))
            ask_next(g, ERR_NO_MEMORY, err_text(ERR_NO_MEMORY));
        return;
    }
    leave(g);
    if (copy_place(g))
        g->link = redis_link_new(&(struct redis_link_options){.loop = g->o.loop,
                                                              .place = &g->place,
                                                              .timeout_ms = g->o.timeout_ms,
                                                              .events = &link_events,
                                                              .owner = g});
    if (g->link == NULL) {
        g->asking = false;
        timer_start(g->timer, LATER_MS);
    }
}

static void on_timer(void *owner)
{
    ask(owner);
}

struct redis_guide *redis_guide_new(const struct redis_guide_options *o)
{
    struct redis_guide *g = calloc(1, sizeof *g);
    if (g == NULL)
        return NULL;
    g->o = *o;
    g->timer = timer_new(o->loop, on_timer, g);
    if (g->timer == NULL) {
        redis_guide_free(g);
        return NULL;
    }
    ask(g);
    return g;
}

void redis_guide_free(struct redis_guide *g)
{
    if (g == NULL)
        return;
    leave(g);
    timer_free(g->timer);
    free(g->place.host);
    free(g);
}

void redis_guide_ask(struct redis_guide *g)
{
    if (!g->asking && g->vain == 0)
        timer_start(g->timer, SOON_MS);
}
