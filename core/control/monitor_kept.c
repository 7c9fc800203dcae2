/* A monitor's ring of rows that have ended. */
#include "core/control/monitor_internal.h"

#include <stdlib.h>
#include <string.h>

/* The texts of a row that are kept. */
static const int kept_texts[] = {FILTER_CLIENT, FILTER_PROCESS, FILTER_USER,  FILTER_SERVICE,
                                 FILTER_TUNNEL, FILTER_TARGET,  FILTER_ASKED, FILTER_VIA};
#define TEXTS (sizeof kept_texts / sizeof *kept_texts)

/* Copies the texts behind the row, in one block. */
static struct kept_row *copy(const struct monitor_row *r)
{
    const char *texts[FILTER_TEXTS];
    size_t size = 0;
    r->kind->texts(r, texts);
    for (size_t i = 0; i < TEXTS; i++)
        size += strnlen(texts[kept_texts[i]], KEPT_TEXT) + 1;
    struct kept_row *k = calloc(1, sizeof *k + size);
    char *to = k != NULL ? k->memory : NULL;
    for (size_t i = 0; to != NULL && i < TEXTS; i++) {
        const char *text = texts[kept_texts[i]];
        size_t n = strnlen(text, KEPT_TEXT);
        k->texts[kept_texts[i]] = to;
        memcpy(to, text, n);
        to += n + 1;
    }
    return k;
}

static void put(struct monitor *m, struct kept_row *k)
{
    struct kept_row **slot = &m->kept[m->n_kept++ % m->kept_size];
    free(*slot);
    *slot = k;
}

void monitor_keep(struct monitor *m, const struct monitor_row *r)
{
    const struct peer *p = r->kind->peer(r);
    if (m->kept == NULL)
        m->kept = calloc(m->kept_size, sizeof *m->kept);
    struct kept_row *k = m->kept != NULL ? copy(r) : NULL;
    if (k == NULL)
        return;
    k->id = r->id;
    k->wall_ms = r->wall_ms;
    k->closed_wall_ms = m->o.wall(m->o.clock);
    k->closed_ms = r->closed_ms;
    k->age_ms = r->closed_ms - r->accepted_ms;
    k->idle_ms = r->closed_ms - r->moved_ms;
    k->answered_ms =
        r->answered_ms > r->accepted_ms ? r->answered_ms - r->accepted_ms : r->answered;
    k->got_byte = r->counters.answered;
    k->first_byte_ms = r->counters.first_byte_ms;
    k->down = r->counters.down;
    k->up = r->counters.up;
    k->peak_down = r->peak_down;
    k->peak_up = r->peak_up;
    k->why = r->why;
    k->pid = p->pid;
    k->uid_known = p->uid_known;
    k->uid = p->uid;
    put(m, k);
}

void monitor_kept_free(struct monitor *m)
{
    for (size_t i = 0; m->kept != NULL && i < m->kept_size; i++)
        free(m->kept[i]);
    free(m->kept);
}
