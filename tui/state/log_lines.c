#include "tui/state/log_lines.h"

#include "core/base/err.h"
#include "tui/state/columns.h"
#include "tui/state/moment.h"
#include "tui/state/row_filter.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- selection ---- */

/* Whether a pause hides the event. The dashboard's own events have no number. */
static bool hidden_by_pause(const struct model *m, const struct snapshot_event *e)
{
    return m->paused && (e->number > 0 ? e->number > m->paused_event : e->time > m->paused_clock);
}

/* Whether it came after the moment that is looked at. */
static bool comes_later(const struct ui *ui, const struct model *m, const struct snapshot_event *e)
{
    double ago, moment = moment_time(ui, m, &ago);
    return moment > 0 && e->time > moment;
}

static bool listed(const struct ui *ui, const struct model *m, size_t i)
{
    const struct snapshot_event *e = &m->events[i].e;
    return !hidden_by_pause(m, e) && !comes_later(ui, m, e) && row_filter_event(&ui->filter, e);
}

size_t log_select(const struct ui *ui, const struct model *m, size_t skip, size_t at[], size_t max)
{
    size_t n = 0;
    for (size_t i = m->n_events; i-- > 0 && n < max;) {
        if (!listed(ui, m, i))
            continue;
        if (skip > 0)
            skip--;
        else
            at[n++] = i;
    }
    for (size_t i = 0; i < n / 2; i++) {
        size_t other = at[n - 1 - i];
        at[n - 1 - i] = at[i];
        at[i] = other;
    }
    return n;
}

size_t log_count(const struct ui *ui, const struct model *m)
{
    size_t n = 0;
    for (size_t i = 0; i < m->n_events; i++)
        n += listed(ui, m, i);
    return n;
}

/* ---- text ---- */

const char *reason_text(const char *name)
{
    for (int e = 0; e < ERR_COUNT; e++)
        if (strcmp(name, err_name((enum err)e)) == 0)
            return err_text((enum err)e);
    return name;
}

static void add(struct log_line *out, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void add(struct log_line *out, const char *format, ...)
{
    size_t n = strlen(out->text);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(out->text + n, sizeof out->text - n, format, arguments);
    va_end(arguments);
}

/* Appends a word and a blank, if there is a word. */
static void add_word(struct log_line *out, const char *word)
{
    if (word[0] != '\0')
        add(out, "%s ", word);
}

/* The reason in the program's words, or else in those of reason_text. */
static const char *why(const struct snapshot_event *e)
{
    return e->text[0] != '\0' ? e->text : e->reason[0] != '\0' ? reason_text(e->reason) : "";
}

static void add_tunnel(struct log_line *out, const struct snapshot_event *e)
{
    if (e->tunnel[0] != '\0')
        add(out, " of %s", e->tunnel);
    if (why(e)[0] != '\0')
        add(out, ": %s", why(e));
}

static void write_open(const struct snapshot_event *e, struct log_line *out)
{
    add(out, "%llu ", (unsigned long long)e->stream);
    add_word(out, e->client);
    if (strcmp(e->asked, e->service) != 0)
        add_word(out, e->asked);
    if (e->service[0] != '\0')
        add(out, "-> %s", e->service);
    if (e->via[0] != '\0')
        add(out, " (%s)", e->via);
}

static void write_close(const struct snapshot_event *e, struct log_line *out)
{
    char age[FORMAT_SIZE], down[FORMAT_SIZE], up[FORMAT_SIZE];
    format_age(e->age, age);
    format_bytes(e->bytes_down, down);
    format_bytes(e->bytes_up, up);
    add(out, "%llu ", (unsigned long long)e->stream);
    add_word(out, e->client);
    add_word(out, e->service);
    add(out, "%s down %s up %s", age, down, up);
    if (why(e)[0] != '\0')
        add(out, ": %s", why(e));
}

static void write_refuse(const struct snapshot_event *e, struct log_line *out)
{
    add_word(out, e->client);
    add_word(out, e->via);
    add(out, "%s: %s", e->asked[0] != '\0' ? e->asked : e->service, why(e));
    if (e->count > 0)
        add(out, ", and %llu more", (unsigned long long)e->count);
}

static void write_up(const struct snapshot_event *e, struct log_line *out)
{
    add(out, "connected to the hub");
    add_tunnel(out, e);
}

static void write_down(const struct snapshot_event *e, struct log_line *out)
{
    add(out, "lost the hub");
    add_tunnel(out, e);
}

static void write_device(const struct snapshot_event *e, struct log_line *out)
{
    add(out, "the device is connected");
    add_tunnel(out, e);
}

static void write_no_device(const struct snapshot_event *e, struct log_line *out)
{
    add(out, "the device is not connected");
    add_tunnel(out, e);
}

static void write_over(const struct snapshot_event *e, struct log_line *out)
{
    add(out, "the tunnel is over");
    add_tunnel(out, e);
}

static void write_ending(const struct snapshot_event *e, struct log_line *out)
{
    if (e->tunnel[0] != '\0')
        add(out, "%s: ", e->tunnel);
    add(out, "%s", why(e));
}

static void write_memory(const struct snapshot_event *e, struct log_line *out)
{
    add(out, "out of budget");
    add_tunnel(out, e);
}

static void write_dropped(const struct snapshot_event *e, struct log_line *out)
{
    add(out, "%llu events were not sent here: too slow", (unsigned long long)e->count);
}

static void write_text(const struct snapshot_event *e, struct log_line *out)
{
    add(out, "%s", why(e));
}

/* Of a hub: a device's name, where it is, and why it went. */
static void write_hub_device(const struct snapshot_event *e, struct log_line *out)
{
    add(out, "%s", e->asked);
    if (e->client[0] != '\0')
        add(out, " at %s", e->client);
    if (why(e)[0] != '\0')
        add(out, ": %s", why(e));
}

static void write_store(const struct snapshot_event *e, struct log_line *out)
{
    char age[FORMAT_SIZE];
    write_text(e, out);
    format_age(e->age, age);
    if (e->age > 0)
        add(out, ", after %s", age);
}

static const struct {
    const char *event, *word;
    enum role role;
    void (*write)(const struct snapshot_event *e, struct log_line *out);
} kinds[] = {
    {"open", "open", ROLE_OK, write_open},
    {"close", "close", ROLE_QUIET, write_close},
    {"refuse", "DENY", ROLE_BAD, write_refuse},
    {"up", "UP", ROLE_OK, write_up},
    {"down", "DOWN", ROLE_BUSY, write_down},
    {"over", "OVER", ROLE_BAD, write_over},
    {"no-device", "GONE", ROLE_BAD, write_no_device},
    {"device", "HERE", ROLE_OK, write_device},
    {"device-enrolled", "NEW", ROLE_BUSY, write_hub_device},
    {"device-present", "HERE", ROLE_OK, write_hub_device},
    {"device-away", "GONE", ROLE_BUSY, write_hub_device},
    {"memory", "WARN", ROLE_BAD, write_memory},
    {"ending", "WARN", ROLE_BUSY, write_ending},
    {"store-failing", "STORE", ROLE_BAD, write_store},
    {"store-works", "store", ROLE_OK, write_store},
    {"certificate", "CERT", ROLE_BUSY, write_text},
    {"dropped", "WARN", ROLE_BUSY, write_dropped},
    {"lost", "LOST", ROLE_BAD, write_text},
    {"back", "back", ROLE_OK, write_text},
    {"restarted", "NEW", ROLE_BUSY, write_text},
    {"closed-all", "close", ROLE_TEXT, write_text},
    {"note", "note", ROLE_TEXT, write_text},
};

void log_line_write(const struct snapshot_event *e, struct log_line *out)
{
    *out = (struct log_line){.word = "", .role = ROLE_TEXT};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(e->event, kinds[i].event) == 0) {
            out->word = kinds[i].word;
            out->role = kinds[i].role;
            kinds[i].write(e, out);
            return;
        }
    out->word = "?"; /* an event of a newer program */
    add(out, "%s ", e->event);
    write_text(e, out);
}
