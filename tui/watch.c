#include "tui/watch.h"

#include "core/control/client/admin_client.h"

#include <stdio.h>
#include <stdlib.h>

#define PATIENCE_MS 2000 /* ms; a program that is silent for that long counts as lost */

/* Seconds before each try to reconnect; the last value is for all further tries. */
static const double delays[] = {0.5, 1, 2, 4, 5};

struct watch {
    struct loop *loop;
    const struct ui *ui;
    struct model *model;
    const struct watch_events *events;
    void *owner;
    struct admin_client *client;
    struct timer *next;
    bool met; /* a snapshot has come */
    bool ask_again;
    bool asked_for_rows; /* the look before was for rows that were missing */
};

static double now(const struct watch *w)
{
    return (double)loop_now(w->loop) / 1000;
}

void watch_look(struct watch *w)
{
    char target[MODEL_TARGET];
    struct model_wanted wanted;
    if (admin_client_busy(w->client)) {
        w->ask_again = true;
        return;
    }
    w->ask_again = false;
    ui_wanted(w->ui, w->model, &wanted);
    model_target(w->model, &wanted, target);
    timer_start(w->next, (uint64_t)(w->ui->refresh * 1000));
    admin_client_ask(w->client, "GET", target);
}

static void on_next(void *owner)
{
    watch_look(owner);
}

void watch_pause(struct watch *w)
{
    admin_client_close(w->client);
}

static void lost(struct watch *w, const char *text)
{
    size_t tries = w->model->link == MODEL_LOST ? w->model->tries : 0;
    size_t last = sizeof delays / sizeof *delays - 1;
    double delay = delays[tries < last ? tries : last];
    admin_client_close(w->client);
    model_lost(w->model, text, now(w), now(w) + delay);
    timer_start(w->next, (uint64_t)(delay * 1000));
    w->events->lost(w->owner);
}

static void misread(struct watch *w, enum err why, const char *problem)
{
    char text[256];
    if (why == ERR_UNSUPPORTED || !w->met) {
        w->events->misread(w->owner, why, problem);
        return;
    }
    snprintf(text, sizeof text, "its snapshot cannot be read: %s", problem);
    lost(w, text);
}

static void refused(struct watch *w, int status, struct span body)
{
    char text[80];
    if (!w->met) {
        w->events->refused(w->owner, status, body);
        return;
    }
    snprintf(text, sizeof text, "it answered %d instead of a snapshot", status);
    lost(w, text);
}

static void on_answer(void *owner, int status, struct span body)
{
    struct watch *w = owner;
    struct snapshot s;
    char problem[200];
    if (status != 200) {
        refused(w, status, body);
        return;
    }
    enum err why = snapshot_read(body, &s, problem, sizeof problem);
    if (why != ERR_OK) {
        misread(w, why, problem);
        return;
    }
    w->met = true;
    model_take(w->model, &s, now(w));
    if (!w->events->taken(w->owner))
        return;
    /* One look more for rows that have moved onto the screen meanwhile, and not one after the
     * other. */
    bool lacks = ui_lacks(w->ui, w->model) && !w->asked_for_rows;
    w->asked_for_rows = lacks;
    if (w->ask_again || lacks)
        watch_look(w);
}

static void on_lost(void *owner, enum err why, const char *text)
{
    struct watch *w = owner;
    if (w->met)
        lost(w, text);
    else
        w->events->unreached(w->owner, why, text);
}

struct watch *watch_new(struct loop *loop, const char *path, const struct ui *ui, struct model *m,
                        const struct watch_events *events, void *owner)
{
    static const struct admin_client_events client = {.answer = on_answer, .lost = on_lost};
    struct watch *w = calloc(1, sizeof *w);
    if (w == NULL)
        return NULL;
    *w = (struct watch){.loop = loop, .ui = ui, .model = m, .events = events, .owner = owner};
    w->next = timer_new(loop, on_next, w);
    w->client = admin_client_new(loop, path, &client, w);
    if (w->next == NULL || w->client == NULL) {
        watch_free(w);
        return NULL;
    }
    admin_client_timeout(w->client, PATIENCE_MS);
    return w;
}

void watch_free(struct watch *w)
{
    if (w == NULL)
        return;
    admin_client_free(w->client);
    timer_free(w->next);
    free(w);
}
