#include "tui/state/moment.h"

#include <math.h>

static const unsigned steps_of[] = {
    [WINDOW_MINUTE] = 1, [WINDOW_TEN] = 10, [WINDOW_HOUR] = 60}; /* seconds */

struct moment_history moment_history_of(const struct ui *ui, const struct model *m)
{
    bool tens = ui->window == WINDOW_HOUR;
    const struct model_history *h = tens ? &m->tens : &m->seconds;
    uint64_t shown = tens ? m->paused_ten : m->paused_second;
    uint64_t held = m->paused && h->last > shown ? h->last - shown : 0;
    return (struct moment_history){.all = h,
                                   .n = h->n > held ? h->n - (size_t)held : 0,
                                   .last = h->last - held,
                                   .interval = tens ? 10 : 1};
}

static double before_now(const struct ui *ui, const struct model *m)
{
    double ago = m->shown.clock - ui->moment;
    return ago > 0 ? ago : 0;
}

long moment_back(const struct ui *ui, const struct model *m)
{
    struct moment_history h = moment_history_of(ui, m);
    if (!(ui->moment > 0) || h.n == 0)
        return -1;
    double back = before_now(ui, m) / h.interval;
    return back < (double)(h.n - 1) ? (long)back : (long)h.n - 1;
}

double moment_time(const struct ui *ui, const struct model *m, double *ago)
{
    *ago = before_now(ui, m);
    return ui->moment > 0 ? m->shown.time - *ago : 0;
}

uint64_t moment_ms(const struct ui *ui, uint64_t *during)
{
    *during = ui->window == WINDOW_HOUR ? 10000 : 1000;
    return ui->moment > 0 ? (uint64_t)(ui->moment * 1000) : 0;
}

bool moment_is_here(const struct ui *ui, const struct model *m)
{
    uint64_t during;
    double at = (double)moment_ms(ui, &during) / 1000;
    return fabs(m->shown.streams_page.at - at) < 0.0005;
}

struct snapshot_service moment_service(const struct ui *ui, const struct model *m,
                                       const struct snapshot_service *s)
{
    struct snapshot_service out = *s;
    bool past = ui->moment > 0;
    if (s->past == past && (!past || moment_is_here(ui, m)))
        return out;
    out.past = true;
    out.counts.then = (struct snapshot_then){0};
    return out;
}

struct snapshot_then moment_totals(const struct ui *ui, const struct model *m)
{
    const struct snapshot *s = m->then.schema != 0 ? &m->then : &m->shown;
    return moment_is_here(ui, m) ? s->totals.then : (struct snapshot_then){0};
}

void moment_step(struct ui *ui, const struct model *m, long steps)
{
    double from = ui->moment > 0 ? ui->moment : m->shown.clock;
    ui->moment = from + (double)steps * steps_of[ui->window];
    if (ui->moment >= m->shown.clock)
        ui->moment = 0;
    moment_settle(ui, m);
}

void moment_settle(struct ui *ui, const struct model *m)
{
    struct moment_history h = moment_history_of(ui, m);
    double oldest = m->shown.clock - (double)(h.n > 0 ? h.n - 1 : 0) * h.interval;
    if (ui->moment > m->shown.clock || h.n < 2) /* another run of the program */
        ui->moment = 0;
    if (ui->moment > 0 && ui->moment < oldest)
        ui->moment = oldest > 0 ? oldest : 0;
}
