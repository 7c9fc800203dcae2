/* Keeps the model up to date: asks the program for snapshots, as often as its user wants and as far
 * as the screen needs, and asks again after losses. */
#ifndef TUI_WATCH_H
#define TUI_WATCH_H

#include "core/net/loop.h"
#include "tui/state/ui.h"

struct watch;

struct watch_events {
    /* A snapshot is in the model. False: nothing more is asked. */
    bool (*taken)(void *owner);
    /* The connection is lost, as the model says. */
    void (*lost)(void *owner);
    /* Before the first snapshot nothing is tried again: the program could not be reached, refused
     * (by the answer's status), or sent what is no snapshot. It may be unreadable later as well,
     * when a program of another version has come in its place (ERR_UNSUPPORTED). Texts live until
     * this returns. */
    void (*unreached)(void *owner, enum err why, const char *text);
    void (*refused)(void *owner, int status, struct span body);
    void (*misread)(void *owner, enum err why, const char *problem);
};

/* path: the control socket's; copied. ui and m must outlive it. NULL: no memory. */
struct watch *watch_new(struct loop *loop, const char *path, const struct ui *ui, struct model *m,
                        const struct watch_events *events, void *owner);
void watch_free(struct watch *w); /* NULL is fine */

/* Asks now, or once more as soon as the answer that is awaited has come; and then each ui->refresh
 * seconds. */
void watch_look(struct watch *w);
/* Closes the connection before a time in which nothing is asked, because the other side would close
 * it meanwhile, and it would look lost. watch_look ends that time. */
void watch_pause(struct watch *w);

#endif
