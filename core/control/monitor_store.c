/* Where a hub keeps what it must not forget: whether it works. */
#include "core/control/report_internal.h"

const struct monitor_store *monitor_store_shown(const struct monitor *m)
{
    const struct monitor_store *s = &m->store;
    bool fresh = s->name != NULL && monitor_now(m) - s->since_ms < MONITOR_STORE_MS;
    return s->failing || fresh ? s : NULL;
}

/* Writes the member "store", if there is something to be shown. */
static void write_store(const struct monitor *m, struct json_writer *w)
{
    const struct monitor_store *s = monitor_store_shown(m);
    if (s == NULL)
        return;
    json_open(w, "store", '{');
    report_put_text(w, "name", s->name);
    report_put_text(w, "state", s->failing ? "failing" : "works");
    json_time(w, "state_for", (int64_t)(monitor_now(m) - s->since_ms));
    json_time(w, "since", s->since_wall_ms);
    report_put_text(w, "text", s->text);
    json_close(w, '}');
}

void monitor_store(struct monitor *m, const char *name, bool failing, const char *text)
{
    if (m == NULL || m->store.failing == failing)
        return;
    uint64_t now = monitor_now(m), lasted = failing ? 0 : now - m->store.since_ms;
    m->write_store = write_store;
    m->store = (struct monitor_store){name, text, failing, now, m->o.wall(m->o.clock)};
    event_log_add(&m->event_log,
                  &(struct logged_event){.event = failing ? "store-failing" : "store-works",
                                         .wall_ms = m->store.since_wall_ms,
                                         .text = text,
                                         .age_ms = lasted});
}
