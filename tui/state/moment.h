/* The moment of the history that is looked at: the graphs mark it, and the log ends there. It stays
 * where it is while time goes on. Pure. */
#ifndef TUI_STATE_MOMENT_H
#define TUI_STATE_MOMENT_H

#include "tui/state/ui.h"

/* The history that the window shows, up to a pause if there is one. */
struct moment_history {
    const struct model_history *all;
    size_t n; /* samples that are shown */
    uint64_t last;
    unsigned interval; /* seconds of a sample */
};
struct moment_history moment_history_of(const struct ui *ui, const struct model *m);

/* The sample of the moment, counted back from the newest one that is shown; -1: the present is
 * looked at. */
long moment_back(const struct ui *ui, const struct model *m);
/* Its time of day; 0: the present. ago: seconds before what is shown. */
double moment_time(const struct ui *ui, const struct model *m, double *ago);
/* The same on the program's clock, in milliseconds, and how long the column is that it marks; 0:
 * the present. */
uint64_t moment_ms(const struct ui *ui, uint64_t *during);
/* Whether what the model shows is of the moment that is looked at, or of the present when none is.
 */
bool moment_is_here(const struct ui *ui, const struct model *m);
/* The service as it is to be shown: nothing is known of it while the answer is of another moment.
 */
struct snapshot_service moment_service(const struct ui *ui, const struct model *m,
                                       const struct snapshot_service *s);
/* The same of all streams together. */
struct snapshot_then moment_totals(const struct ui *ui, const struct model *m);
/* Moves by so many steps of the window's size (1 s, 10 s, 1 min), into the past if negative. */
void moment_step(struct ui *ui, const struct model *m, long steps);
/* To be called after each snapshot: a moment that the history has no more is the oldest one. */
void moment_settle(struct ui *ui, const struct model *m);

#endif
